"""Strangers' text in Markdown: what of it is prose, and how it is shown as nothing but text."""
