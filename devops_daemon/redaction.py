"""Keep secrets out of text: the values that the settings name, and what is shaped like a token.

Sources of the shapes: the makers' prefixes and webhook addresses, RFC 7519 (JWT), RFC 7468 (PEM), RFC 3986 section
3.2.1 (userinfo), RFC 6265 section 4 (cookies), RFC 9110 section 11 (credentials). Every pattern is linear: it begins
where a word begins, and its repetitions are bounded or consume what they have read.
"""

import base64
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

MASK = "[redacted]"
DEEPEST = 12
_SHORTEST_PIECE = 4


class Shape(NamedTuple):
    """How a maker writes tokens."""

    maker: str
    pattern: str
    """It begins with a letter, at the beginning of a word, unless there is a clue."""
    clue: str = ""
    """A text without it is not searched."""


_W = "[A-Za-z0-9_-]"
_END = f"(?!{_W})"
_REST = f"{_W}*"
"""What follows a token within the same word goes with it: no token may begin where a mask ends."""
SHAPES = (
    Shape(
        "Private keys",
        "-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----.*?"
        r"(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----|\Z)",
        "-----BEGIN ",
    ),
    Shape("GitHub", "gh[opur]_[A-Za-z0-9]{16,}"),
    Shape("GitHub, Apps", "ghs_[A-Za-z0-9_.-]{16,}"),
    Shape("GitHub, fine-grained", "github_pat_[A-Za-z0-9_]{20,}"),
    Shape(
        "GitLab", f"gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct)-{_W}{{16,}}(?:[.][a-z0-9]{{2}}[.][a-z0-9]{{9}})?"
    ),
    Shape("OpenAI, Anthropic, Stripe and others", f"sk[-_](?=[A-Za-z_-]{{0,200}}[0-9]){_W}{{16,}}"),
    Shape("Stripe, restricted", "rk_(?:live|test)_[A-Za-z0-9]{16,}"),
    Shape("Stripe, public", "pk_(?:live|test)_[A-Za-z0-9]{16,}"),
    Shape("Stripe and Svix, webhooks", "whsec_[A-Za-z0-9+/=]{16,}"),
    Shape("Slack", "xox[abeoprs](?:[.]xox[bp])?-[A-Za-z0-9-]{10,}"),
    Shape("Slack, apps", "xapp-[A-Za-z0-9-]{10,}"),
    Shape("Slack, webhooks", "(?<=hooks[.]slack[.]com/services/)[A-Za-z0-9/]{20,}", "hooks.slack.com"),
    Shape("AWS", f"A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{{16}}{_END}"),
    Shape("AWS, Bedrock", "ABSK[A-Za-z0-9+/]{100,}={0,2}"),
    Shape("Google", f"AIza{_W}{{35}}{_END}"),
    Shape("Google, OAuth", f"ya29[.]{_W}{{20,}}"),
    Shape("Google, OAuth clients", f"GOCSPX-{_W}{{20,}}"),
    Shape("Google, OAuth refresh", f"1//0{_W}{{40,}}"),
    Shape("npm", "npm_[A-Za-z0-9]{30,}"),
    Shape("PyPI", f"pypi-{_W}{{30,}}"),
    Shape("RubyGems", "rubygems_[a-f0-9]{32,}"),
    Shape("Hugging Face", "hf_[A-Za-z0-9]{30,}"),
    Shape("Hugging Face, organisations", "api_org_[A-Za-z0-9]{30,}"),
    Shape("SendGrid", f"SG[.]{_W}{{16,}}[.]{_W}{{16,}}"),
    Shape("Mailgun", f"key-[0-9a-f]{{32}}{_END}"),
    Shape("Mailchimp", f"(?<!{_W})[0-9a-f]{{32}}-us[0-9]{{1,2}}{_END}", "-us"),
    Shape("Brevo", f"xkeysib-{_W}{{40,}}"),
    Shape("Resend", "re_[A-Za-z0-9]{6,10}_[A-Za-z0-9]{20,}"),
    Shape("Twilio", f"SK[0-9a-f]{{32}}{_END}"),
    Shape("Discord, webhooks", f"(?<=/api/webhooks/)[0-9]{{15,21}}/{_W}{{40,}}", "/api/webhooks/"),
    Shape("Discord, bots: from M", f"M{_W}{{22,27}}[.]{_W}{{6}}[.]{_W}{{27,40}}{_END}"),
    Shape("Discord, bots: from N", f"N{_W}{{22,27}}[.]{_W}{{6}}[.]{_W}{{27,40}}{_END}"),
    Shape("Discord, bots: from O", f"O{_W}{{22,27}}[.]{_W}{{6}}[.]{_W}{{27,40}}{_END}"),
    Shape("Telegram", f"(?<!{_W})[0-9]{{8,10}}:AA{_W}{{32,33}}{_END}", ":AA"),
    Shape("Docker", f"dckr_[po]at_{_W}{{20,}}"),
    Shape("DigitalOcean", "do[opr]_v1_[a-f0-9]{40,}"),
    Shape("Doppler", f"dp[.](?:pt|st|sa|ct|scim|audit)[.](?:{_W}{{2,40}}[.])?[A-Za-z0-9]{{40,44}}{_END}"),
    Shape("Linear", "lin_(?:api|oauth|wh)_[A-Za-z0-9]{32,}"),
    Shape("Notion", "ntn_[A-Za-z0-9]{40,}"),
    Shape("Notion, old ones", "secret_[A-Za-z0-9]{43,}"),
    Shape("Shopify", "shp(?:at|ca|pa|ss|ua|tka)_[a-fA-F0-9]{32,}"),
    Shape("Square", f"sq0[a-z]{{3}}-{_W}{{22,}}"),
    Shape("Square, new ones", f"EAAA{_W}{{56,}}"),
    Shape("Sentry", "sntry[su]_[A-Za-z0-9_=+/-]{40,}"),
    Shape("Grafana", "gl(?:sa|c)_[A-Za-z0-9_=+/-]{32,}"),
    Shape("New Relic", f"NR(?:AK|II|JS|RA|BR|AA)-{_W}{{19,}}"),
    Shape("New Relic, licences", f"(?<!{_W})[0-9a-f]{{36}}NRAL{_END}", "NRAL"),
    Shape("Datadog, clients", f"pub[0-9a-f]{{32}}{_END}"),
    Shape("Honeycomb", "hc[a-z]i[kc]_[a-z0-9]{50,}"),
    Shape("PostHog", "phx_[A-Za-z0-9_]{40,}"),
    Shape("Postman", "PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    Shape("Vercel", "vc[aciprk]_[A-Za-z0-9]{24,}"),
    Shape("Vercel, blobs", "vercel_blob_rw_[A-Za-z0-9_]{30,}"),
    Shape("Netlify", "nfp_[A-Za-z0-9]{36,}"),
    Shape("Render", "rnd_[A-Za-z0-9]{28,}"),
    Shape("Supabase", "sbp_(?:oauth_|v0_)?[a-f0-9]{40,}"),
    Shape("Supabase, keys", f"sb_secret_{_W}{{20,}}"),
    Shape("PlanetScale", "pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,}"),
    Shape("Neon", "napi_[a-z0-9]{40,}"),
    Shape("Databricks", f"dapi[a-f0-9]{{32}}(?:-[0-9]{{1,2}})?{_END}"),
    Shape("Pinecone", "pcsk_[A-Za-z0-9_]{40,}"),
    Shape("Fly", f"fo1_{_W}{{40,}}"),
    Shape("Fly, macaroons", "fm(?:1[ar]?|2)_[A-Za-z0-9+/]{80,}={0,3}"),
    Shape("Atlassian", "AT[AC]TT3[A-Za-z0-9_=-]{30,}"),
    Shape("Atlassian, Bitbucket", f"ATBB{_W}{{24,}}"),
    Shape("Heroku", f"HRKU-{_W}{{36,}}"),
    Shape("Terraform", f"(?<!{_W})[A-Za-z0-9]{{14}}[.]atlasv1[.][A-Za-z0-9_=-]{{60,}}", ".atlasv1."),
    Shape("Vault", f"hv[sbr][.]{_W}{{20,}}"),
    Shape("Pulumi", f"pul-[a-f0-9]{{40}}{_END}"),
    Shape("Buildkite", "bkua_[a-z0-9]{40,}"),
    Shape("CircleCI", "CCIPAT_[A-Za-z0-9_]{40,}"),
    Shape("SonarQube", f"sq[pua]_[a-f0-9]{{40}}{_END}"),
    Shape("Tailscale", f"tskey-{_W}{{16,}}"),
    Shape("1Password", "ops_ey[A-Za-z0-9_=-]{100,}"),
    Shape("Figma", f"fig[duo]_{_W}{{30,}}"),
    Shape("Airtable", "pat[A-Za-z0-9]{14}[.][a-f0-9]{64}"),
    Shape("Dropbox", f"sl[.](?:u[.])?{_W}{{100,}}"),
    Shape("Groq", "gsk_[A-Za-z0-9]{36,}"),
    Shape("xAI", "xai-[A-Za-z0-9]{36,}"),
    Shape("Perplexity", "pplx-[A-Za-z0-9]{36,}"),
    Shape("Replicate", "r8_[A-Za-z0-9]{36,}"),
    Shape("LangSmith", "lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}"),
    Shape("Razorpay", "rzp_(?:live|test)_[A-Za-z0-9]{14,}"),
    Shape("EasyPost", "EZ[AT]K[A-Za-z0-9]{54,}"),
    Shape("Age", "AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    Shape("JWT", f"eyJ{_W}{{8,}}[.]{_W}{{8,}}[.]{_W}*"),
)
"""Makers whose tokens have a shape. Those of Cloudflare, Datadog and more have none: a name must tell."""


def _all_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """Give one pattern that looks at the first letter once: seventy in a row would cost twice as much."""
    by_letter: dict[str, list[str]] = defaultdict(list)
    for pattern in patterns:
        by_letter[pattern[0]].append(pattern[1:])
    letters = "|".join(f"{letter}(?:{'|'.join(rest)})" for letter, rest in by_letter.items())
    return re.compile(f"(?<!{_W})(?:{letters}){_REST}")


_SHAPES = _all_of(shape.pattern for shape in SHAPES if not shape.clue)
_CLUED = tuple((shape.clue, re.compile(f"(?:{shape.pattern}){_REST}", re.DOTALL)) for shape in SHAPES if shape.clue)
_USERINFO = re.compile(
    r"""(?P<keep>(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}://)
        (?: [^\s/?\#"'<>:@]{0,200} : [^\s/?\#]{0,500} | [^\s/?\#"'<>]{1,500} ) @""",
    re.IGNORECASE | re.VERBOSE,
)
_VALUE = r"""
    (?: (?P<quote>\\{0,4}["']) (?!\[redacted\]) (?:(?!(?P=quote))(?:[^\\]|\\.)){1,4000}
      | (?!\[redacted\]) [^\s"'&,;<>)}\]]{4,} )
"""
_NAMED = re.compile(
    r"""(?P<keep> (?<![A-Za-z0-9_.-]) [A-Za-z0-9_.-]{0,40}?
          (?:pass(?:word|wd|phrase)|pwd|secret|token|(?:api|access|private|account|signing|encryption)[-_]?key
            |x-amz-signature)
          [A-Za-z0-9_-]{0,40} (?:\\{0,4}["'])? \s{0,3} [=:] \s{0,3} )"""
    + _VALUE,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_CREDENTIALS = re.compile(
    r"""(?P<keep> \bauthorization ["']? \s{0,3} [=:] \s{0,3} ["']? (?:[a-z]{1,20}\s{1,3})?
          | \bbearer\s{1,3} (?=[^\s"',]{0,200}[0-9]|[^\s"',]{24})
          | \bbasic\s{1,3} (?=[A-Za-z0-9+/]{0,200}[0-9=]) (?=[A-Za-z0-9+/]{6,}={0,2}(?![\w.+/=\[-])) )
        (?!\[redacted\]) [^\s"',;<>)}\]]{4,}""",
    re.IGNORECASE | re.VERBOSE,
)
_COOKIE = r"""[^\s=;"'\\]{1,200} = (?: "[^"\r\n]{0,1000}" | [^\s;"'\\]* )"""
_COOKIES = re.compile(
    rf"""(?P<keep> \bcookie (?:\\{{0,4}}["'])? \s{{0,3}} [=:] \s{{0,3}} (?:\\{{0,4}}["'])? )
         (?!\[redacted\]) {_COOKIE} (?: ;[ ]? {_COOKIE} )*""",
    re.IGNORECASE | re.VERBOSE,
)
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_RULES = (
    (("://",), _USERINFO, rf"\g<keep>{MASK}@"),
    (("cook",), _COOKIES, rf"\g<keep>{MASK}"),
    (("author", "bearer", "bas"), _CREDENTIALS, rf"\g<keep>{MASK}"),
    (("passw", "passp", "pwd", "secret", "token", "key", "amz-s"), _NAMED, rf"\g<keep>\g<quote>{MASK}"),
)
"""A pattern is tried where the folded text has one of its clues: most lines have none, and that is cheap to see. No
clue has an "i": there are letters that `re.IGNORECASE` takes for it and `casefold` does not."""


class Redactor:
    """Masks what must not be read; made once from the secret values of the settings."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        whole = {secret for secret in secrets if secret}
        pieces = whole | {line for secret in whole for line in secret.splitlines() if len(line) >= _SHORTEST_PIECE}
        longest_first = sorted(pieces, key=lambda piece: (-len(piece), piece))
        known = {_however_written(piece): _clue(piece) for piece in longest_first}
        known |= {re.escape(form): _clue(form) for piece in longest_first for form in _in_base64(piece)}
        self._known = tuple(known.items())

    def text(self, text: str) -> str:
        """Mask every secret in `text`; masking twice changes nothing more."""
        known = self._known_in(text)
        if known is not None:
            text = known.sub(MASK, text)
        # These first, and of these private keys: their dashes would belong to a token right before them.
        for clue, pattern in _CLUED:
            if clue in text:
                text = pattern.sub(MASK, text)
        text = _SHAPES.sub(MASK, text)
        folded = text.casefold()
        for clues, pattern, masked in _RULES:
            if any(clue in folded for clue in clues):
                text = pattern.sub(masked, text)
        return text

    def value(self, value: Any, depth: int = 0) -> Any:  # noqa: ANN401 # log fields are anything
        """Mask every string within mappings and sequences; what is no plain value becomes text."""
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return self._number(value)
        if depth < DEEPEST and isinstance(value, Mapping):
            return {self.text(_written(key)): self.value(item, depth + 1) for key, item in value.items()}
        if depth < DEEPEST and isinstance(value, list | tuple | set | frozenset):
            return [self.value(item, depth + 1) for item in value]
        return self.text(_written(value))

    def _number(self, number: Any) -> Any:  # noqa: ANN401 # an int or a float
        if isinstance(number, float) and not math.isfinite(number):
            return str(number)
        written = _written(number)
        known = self._known_in(written)
        return MASK if known is not None and known.search(written) else number

    def _known_in(self, text: str) -> re.Pattern[str] | None:
        """Give a pattern for the secrets whose clues are in a text: of sixty, seldom more than one."""
        patterns = [pattern for pattern, clue in self._known if clue in text]
        return re.compile("|".join(patterns)) if patterns else None


def without_emails(text: str) -> str:
    """Mask addresses of people: for what is published, not for logs."""
    return _EMAIL.sub(MASK, text) if "@" in text else text


def _written(value: object) -> str:
    """Write anything as text; what cannot be written is named by its type."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 # whatever a stranger's __str__ raises, the line must not be lost
        return f"<{type(value).__name__} that cannot be written>"


def _clue(secret: str) -> str:
    """Give the longest part of a secret that is the same however it is written; to find it is far cheaper."""
    return max(re.findall(r"[A-Za-z0-9]+", secret), key=len, default="")


def _however_written(secret: str) -> str:
    """Give a pattern for a secret as it is, and as URLs, forms, JSON and Python write it."""
    return "".join(_letter(letter) for letter in secret)


def _letter(letter: str) -> str:
    if letter.isalnum() and letter.isascii():
        return letter
    octets = letter.encode("utf-8", "surrogatepass")
    in_url = "".join(f"%{octet:02X}" for octet in octets)
    forms = {
        letter,
        in_url,
        in_url.lower(),
        quote(octets, safe=""),
        json.dumps(letter)[1:-1],
        json.dumps(letter, ensure_ascii=False)[1:-1],
        repr(letter)[1:-1],
        repr(octets)[2:-1],
        f"\\{letter}",
    }
    forms |= {"+"} if letter == " " else set()
    return f"(?:{'|'.join(re.escape(form) for form in sorted(forms, key=lambda form: (-len(form), form)))})"


def _in_base64(secret: str) -> Iterator[str]:
    """Give the letters that a secret becomes within base64 at each of its three places, without those at the ends."""
    octets = secret.encode("utf-8", "surrogatepass")
    for before, start in enumerate((0, 2, 3)):
        encoded = base64.b64encode(b"\0" * before + octets).decode()
        inner = encoded[start : 8 * (before + len(octets)) // 6]
        if len(inner) >= _SHORTEST_PIECE:
            yield inner
            yield inner.translate(str.maketrans("+/", "-_"))


# Which variables hold secrets

_SECRET_WORDS = frozenset(
    """
    apikey cookie credential credentials jwt key keys license mnemonic otp pass passcode passphrase passwd password
    passwords pat pepper pin private privatekey pwd salt secret secrets seed signature signing token tokens
    """.split()  # noqa: SIM905 # as a list it would take a screen
)
_SECRET_PARTS = ("password", "passwd", "secret", "token", "apikey", "api_key", "passphrase", "credential")
_OF_A_SECRET = frozenset(
    """
    age algorithm algorithms audience count dir directory domain enabled endpoint env environment expiration expires
    expiresin expiry file format header host hostname hours id ids issuer length level limit lifetime max min minutes
    mode name names path port prefix provider region rounds seconds size timeout ttl type types uri url urls user
    username version
    """.split()  # noqa: SIM905 # the same
)
"""A name that ends so tells something of a secret, or where it is: its value decides."""
_IDENTITIES = frozenset(
    """
    author branch commit dir directory domain email env environment from host hostname id ids image level message model
    name path region sha slug tag user username version zone
    """.split()  # noqa: SIM905 # the same
)
"""What a variable so named holds is known to everybody who reads the logs."""
_SHORTEST_SECRET, _SHORTEST_WORD, _SHORTEST_UNNAMED = 4, 6, 8
_LONGEST_HARMLESS = 200
_LONGEST_READ = 2**16
_DEEPEST_VALUE = 6
_NAME_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ORDINARY = re.compile(r"[A-Za-z0-9._+:/=@*~<>()\[\]'\"%-]*")
_PLAIN = re.compile(
    r"""(?: [A-Z]?[a-z]{1,20} | [A-Z]{1,20} | [A-Z]?[a-z]{1,15}(?:[A-Z][a-z]{2,15}){1,3} ) [0-9]{0,3}
      | v?[0-9]{1,20}[A-Za-z%]{0,2} | [0-9a-f]{1,4}""",
    re.VERBOSE,
)
"""A word, also with a number behind it or in camel case; a number with its unit; a part of an IPv6 address."""
_URL = re.compile(
    r"""(?P<scheme>[a-z][a-z0-9+.-]{0,30})://(?:(?P<userinfo>[^\s/?\#]{1,1000})@)?
        (?P<host>[^\s/?\#@]{0,300})(?P<rest>[^\s]{0,4000})""",
    re.VERBOSE | re.IGNORECASE,
)
_PAIR = re.compile(
    r"(?:\A|(?<=[\s;,&?]))([A-Za-z][\w.-]{0,60})\s{0,2}[=:]\s{0,2}(\"[^\"]{0,2000}\"|[^\s;,&=:][^\s;,&]{0,2000})"
)


def known_values(variables: Mapping[str, str | None]) -> list[str]:
    """Say which values of a service's variables must not be read in its logs, the longest first.

    Everything that may be a secret is: what is named like one, credentials in addresses, and what is neither a word, a
    number, a host, a path nor a list of these; to mask those would ruin the text.
    """
    found = {value for name, value in variables.items() if value for value in _secrets_in(name, value.strip(), 0)}
    return sorted(found, key=lambda value: (-len(value), value))


def _secrets_in(name: str, value: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST_VALUE or len(value) < _SHORTEST_SECRET:
        return
    if _is_named_secret(name) and _is_long_enough(value):
        yield value
    document = _document(value)
    if document is not None:
        yield from _secrets_in_document(name, document, depth + 1)
    elif "://" in value:
        yield from _secrets_in_url(value)
    elif "-----BEGIN" in value:
        yield from [value] if "PRIVATE KEY" in value else []
    elif "\n" in value:
        yield from _secrets_in_lines(name, value, depth + 1)
    else:
        yield from _secrets_in_text(name, value, depth + 1)


def _is_long_enough(secret: str) -> bool:
    """Tell whether to mask it would not ruin the text: words and numbers must be longer."""
    wordy = re.fullmatch(r"[A-Za-z]?[a-z]*|[A-Z]*|[0-9.]*", secret)
    return len(secret) >= (_SHORTEST_WORD if wordy else _SHORTEST_SECRET)


def _is_named_secret(name: str) -> bool:
    words = [word.lower() for word in _NAME_PARTS.findall(name)]
    if not words or words[-1] in _OF_A_SECRET or words[-2:] == ["public", "key"]:
        return False
    lower = name.lower()
    return (
        bool(_SECRET_WORDS & set(words)) or words[-1] in {"auth", "dsn"} or any(part in lower for part in _SECRET_PARTS)
    )


def _document(value: str) -> Any:  # noqa: ANN401 # JSON is anything
    """Read a JSON document, None where it is none."""
    if value[:1] not in {"{", "["} or len(value) > _LONGEST_READ:
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _secrets_in_document(name: str, document: Any, depth: int) -> Iterator[str]:  # noqa: ANN401 # the same
    if isinstance(document, str):
        yield from _secrets_in(name, document.strip(), depth)
    elif depth > _DEEPEST_VALUE:
        return
    elif isinstance(document, dict):
        for key, item in document.items():
            yield from _secrets_in_document(key, item, depth + 1)
    elif isinstance(document, list):
        for item in document:
            yield from _secrets_in_document(name, item, depth + 1)


def _secrets_in_url(value: str) -> Iterator[str]:
    """Give of each address with credentials the whole and the password, and what in its path or query is no word."""
    value = value[:_LONGEST_READ]
    chunks = re.split(r"[\s,]+", value) if value.count("://") > 1 else [value]
    for url in (url for chunk in chunks for url in _URL.finditer(chunk)):
        userinfo = url["userinfo"]
        if userinfo:
            user, colon, password = userinfo.partition(":")
            secret = password if colon else user
            yield url[0]
            yield from (form for form in (secret, unquote(secret)) if _is_long_enough(form))
        for part in re.split(r"[/?&;#=,]", url["rest"]):
            if len(part) >= _SHORTEST_UNNAMED and not _is_harmless(part) and not _is_identity(part):
                yield part


def _is_identity(part: str) -> bool:
    """Tell a UUID: in an address it names a thing."""
    return re.fullmatch(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", part) is not None


def _secrets_in_lines(name: str, value: str, depth: int) -> Iterator[str]:
    """Look at each line: a file of settings is not a secret because of one of them."""
    for line in value[:_LONGEST_READ].split("\n"):
        yield from _secrets_in(name, line.strip(), depth)


def _secrets_in_text(name: str, value: str, depth: int) -> Iterator[str]:
    pairs = _PAIR.findall(value[:_LONGEST_READ])
    if pairs and all(_is_harmless(key) for key, _ in pairs):
        for key, part in pairs:
            yield from _secrets_in(key, part.strip('"'), depth)
        return
    last = (_NAME_PARTS.findall(name.lower()) or [""])[-1]
    if last in _IDENTITIES or len(value) < _SHORTEST_UNNAMED:
        return
    parts = [part for part in re.split(r"[\s,;|]+", value) if part and not _is_harmless(part)]
    if parts:
        yield value
        yield from (part for part in parts if len(part) >= _SHORTEST_UNNAMED)


def _is_harmless(part: str) -> bool:
    """Tell what is made of words and numbers only: hosts, paths, versions, regions, options, times."""
    if len(part) > _LONGEST_HARMLESS or not _ORDINARY.fullmatch(part):
        return False
    return all(_PLAIN.fullmatch(piece) for piece in re.findall("[A-Za-z0-9]+", part))
