"""The reply to a request, in the format of the specification ("Diagnostic Results Format")."""
