"""Redaction: no secret stays in a text, whatever is around it, and ordinary text stays as it is.

What cannot hold is said in `can_be_kept_out`: a secret that is part of the mask, or could be made up of a piece of the
mask and what stands next to it.
"""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from effort import cpu_within
from hypothesis import assume, example, given
from hypothesis import strategies as st
from yarl import URL

from devops_daemon.known_values import known_values
from devops_daemon.redaction import MASK, Redactor, without_emails
from devops_daemon.token_shapes import SHAPES

AWKWARD = "\"'\\/:?#&=+%@ \n\t,;()<>[]{}-_.\u00e4\u00df\u6f22\U0001f511"
secrets = st.text(st.sampled_from("abcXYZ019" + AWKWARD), min_size=4, max_size=24) | st.text(min_size=4, max_size=12)
texts = st.text(max_size=12)
any_text = st.text(st.characters(), max_size=40)
"""Surrogates too: what the environment or a header holds need not be UTF-8."""


def can_be_kept_out(written: str) -> bool:
    """Whether a mask in the place of a text can never bring that text about again."""
    ends = range(1, len(MASK) + 1)
    begins_as_the_mask_ends = any(MASK.endswith(written[:length]) for length in ends)
    ends_as_the_mask_begins = any(MASK.startswith(written[-length:]) for length in ends)
    return not (written in MASK or MASK in written or begins_as_the_mask_ends or ends_as_the_mask_begins)


# The secrets of the settings


@given(secrets, texts, texts)
def test_a_secret_does_not_stay_in_any_text(secret: str, before: str, after: str) -> None:
    assume(can_be_kept_out(secret))
    assert secret not in Redactor([secret]).text(f"{before}{secret}{after}{secret}")


@given(st.lists(secrets, min_size=2, max_size=4), st.permutations(range(4)), texts)
def test_no_secret_stays_beside_others_that_overlap_it(several: list[str], order: list[int], text: str) -> None:
    assume(all(map(can_be_kept_out, several)))
    found = Redactor(several).text(text.join(several[number % len(several)] for number in order))
    assert [secret for secret in several if secret in found] == []


def _quoted_in_python(secret: str, sign: str) -> str:
    return "".join("\\" + one if one == sign else one if one in "'\"" else repr(one)[1:-1] for one in secret)


WRITTEN: Mapping[str, Callable[[str], str]] = {
    "JSON": lambda secret: json.dumps(secret)[1:-1],
    "JSON with letters as they are": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "a URL": lambda secret: quote(secret, safe=""),
    "a URL's path": quote,
    "a form": quote_plus,
    "a query that the HTTP client wrote": lambda secret: str(URL("http://h").with_query(q=secret))[
        len("http://h/?q=") :
    ],
    "a path that the HTTP client wrote": lambda secret: (URL("http://h") / secret).raw_path[1:],
    "repr within '": lambda secret: _quoted_in_python(secret, "'"),
    'repr within "': lambda secret: _quoted_in_python(secret, '"'),
    "repr of its bytes": lambda secret: repr(secret.encode())[2:-1],
}


@pytest.mark.parametrize("way", WRITTEN)
@given(secret=secrets)
@example(secret='p\u00e4ss"word')
@example(secret="pass/word with=signs,all(the)way")
@example(secret="it's a 'pass' \"word\"")
def test_a_secret_does_not_stay_however_it_is_written(way: str, secret: str) -> None:
    assume(not (way.startswith("a path") and (secret.startswith("/") or "." in secret)))
    written = WRITTEN[way](secret)
    assume(can_be_kept_out(written))
    assert written not in Redactor([secret]).text(f"before {written} after")


def _basic(user: str, secret: str) -> str:
    return base64.b64encode(f"{user}:{secret}".encode()).decode()


@given(texts, secrets)
@example("user", "test")
@example("me", "abcdefg")
@example("you", "xyzw")
def test_basic_credentials_do_not_stay_in_a_header(user: str, secret: str) -> None:
    credentials = _basic(user, secret)
    assert credentials not in Redactor([secret]).text(f"Authorization: Basic {credentials}")


@given(st.text("user", min_size=1, max_size=4), st.text("pasword019", min_size=4, max_size=16))
def test_basic_credentials_do_not_stay_where_nothing_says_what_they_are(user: str, secret: str) -> None:
    credentials = _basic(user, secret)
    assert credentials not in Redactor([secret]).text(f"sent {credentials} in vain")


def test_each_line_of_a_key_is_a_secret() -> None:
    key = "-----BEGIN KEY-----\nMIIEowIBAAKCAQEA0\nsQ7rM3b1kQ==\n-----END KEY-----"
    assert Redactor([key]).text("bad line: sQ7rM3b1kQ== at 3") == f"bad line: {MASK} at 3"


SEVERAL = ("0123456789abcdef", "correct horse, battery", "hunter22/hunter22", "+/=!?", "a-b-c-d")


@pytest.mark.parametrize("secret", SEVERAL)
@pytest.mark.parametrize("way", WRITTEN)
def test_of_several_secrets_the_one_that_is_there_is_masked(way: str, secret: str) -> None:
    assert Redactor(SEVERAL).text(f"before {WRITTEN[way](secret)} after") == f"before {MASK} after"


@pytest.mark.parametrize("way", WRITTEN)
def test_among_very_many_secrets_each_is_masked(way: str) -> None:
    few = ["a.b:c", "hunter2 & staple", "hunter2 & staples", "\u00e4\u00f6\u00fc\u00df!"]
    many = Redactor([f"word-{number:05}" for number in range(1000)] + few)
    for secret in few:
        assert many.text(f"key {WRITTEN[way](secret)}.") == "key [redacted]."
    assert many.text("word-00999 word-01000 ab") == "[redacted] word-01000 ab"
    assert many.text("wor") == "wor"


def test_of_secrets_that_begin_alike_the_longest_is_masked() -> None:
    assert Redactor(["hunter", "hunter22"]).text("hunter22") == MASK


def test_without_secrets_shapes_are_masked_all_the_same() -> None:
    assert Redactor().text("ghp_0123456789abcdefghij") == MASK
    assert Redactor([""]).text("nothing to see") == "nothing to see"


@given(st.lists(any_text, max_size=3), any_text)
@example(["\udcff-not-utf8"], "\udcff-not-utf8")
def test_no_secret_and_no_text_is_too_strange(several: list[str], text: str) -> None:
    Redactor(several).text(text)


# What is shaped like a secret

UUID = "b3f6c1de-8f14-4e45-9c1c-0d9d5a1e4f6a"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA0\nsQ7rM3b1kQ==\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "*"),
        ("ghs_16C7e42F292c6912E7710c838347Ae178B4a", "*"),
        ("gho_16C7e42F292c6912E7710c838347Ae178B4a,", "*,"),
        ("github_pat_11ABCDEFG0abcdefghijkl_ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuv", "*"),
        ("glpat-abcdefghijABCDEFGHIJ", "*"),
        (f"jwt {JWT}.", "jwt *."),
        ("AKIAIOSFODNN7EXAMPLE", "*"),
        ("key AIzaSyA1234567890abcdefghijklmnopqrstuv!", "key *!"),
        ("sk-proj-abcdEFGH1234abcdEFGH1234", "*"),
        ("sk-ant-api03-abcdEFGH1234abcdEFGH1234-_AA", "*"),
        ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "*"),
        ("xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzqqgy", "*"),
        ("npm_abcdefghijklmnopqrstuvwxyz0123456789", "*"),
        (f"a key:\n{PEM}\nthen more", "a key:\n*\nthen more"),
        (f"cut off: {PEM[:60]}", "cut off: *"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg", "*"),
        ("postgres://daemon:hunter22@db.example:5432/app", "postgres://*@db.example:5432/app"),
        ("postgresql://daemon:p%40ss@db.example/app?sslmode=require", "postgresql://*@db.example/app?sslmode=require"),
        ("postgresql://daemon:p@ss@db.example/app", "postgresql://*@db.example/app"),
        ('redis://default:it"is<secret>@cache.example:6379', "redis://*@cache.example:6379"),
        ("https://x-access-token:ghs_16C7e42F292c6912E771@github.com/a/b.git", "https://*@github.com/a/b.git"),
        ("cloning https://0123abcd@host.example/a.git failed", "cloning https://*@host.example/a.git failed"),
        ("GET /callback?token=abc123def&state=4 200", "GET /callback?token=*&state=4 200"),
        ("https://api.example/x?secret=s3cret-value&limit=10", "https://api.example/x?secret=*&limit=10"),
        (f"Authorization: Bearer {UUID}", "Authorization: Bearer *"),
        ("authorization: bearer abcdefghijklmnopqrstuvwxyz", "authorization: bearer *"),
        ("Authorization: Bearer abc.def-123, more", "Authorization: Bearer *, more"),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "Authorization: Basic *"),
        ("Authorization: token 0123456789abcdef0123456789abcdef01234567", "Authorization: token *"),
        ("X-DevOps-Secret: s3cret-value", "X-DevOps-Secret: *"),
        ("x-feedback-secret: s3cret-value\r\nHost: a", "x-feedback-secret: *\r\nHost: a"),
        (f"Project-Access-Token: {UUID}", "Project-Access-Token: *"),
        ("password=hunter22", "password=*"),
        ("password = 'hunter22'", "password = '*'"),
        ('{"password": "hunter22", "user": "me"}', '{"password": "*", "user": "me"}'),
        ("{'client_secret': 'abcd1234'}", "{'client_secret': '*'}"),
        ('{"password":"correct horse, battery"}', '{"password":"*"}'),
        ('{"access_token": "Bearer 8f3a9c1d2b4e"}', '{"access_token": "*"}'),
        (
            r'{"message": "sent {\"password\": \"hunter22\", \"user\": \"me\"}"}',
            r'{"message": "sent {\"password\": \"*\", \"user\": \"me\"}"}',
        ),
        ("DB_PASSWORD=hunter22 OTHER=1", "DB_PASSWORD=* OTHER=1"),
        ("PGPASSWORD=hunter22 psql", "PGPASSWORD=* psql"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AWS_SECRET_ACCESS_KEY=*"),
        ("RAILWAY_TOKEN_SW_FACTORY=7b1f0c52-1d3e", "RAILWAY_TOKEN_SW_FACTORY=*"),
        ("GITHUB_TOKEN=abcd1234", "GITHUB_TOKEN=*"),
        ("api-key: 0123abcd", "api-key: *"),
        ("hf_abcdefghijABCDEFGHIJabcdefghij0123", "*"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "*"),
        ("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", "*"),
        ("dckr_pat_abcdefghijABCDEFGHIJ0123456", "*"),
        ("https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXX", "https://hooks.slack.com/services/*"),
        (f"https://discord.com/api/webhooks/123456789012345678/{'aB3_' * 17}", "https://discord.com/api/webhooks/*"),
        ("https://b.example/a?X-Amz-Signature=0123abcd&x=1", "https://b.example/a?X-Amz-Signature=*&x=1"),
        ("DefaultEndpointsProtocol=https;AccountKey=abcd+/12==;x=1", "DefaultEndpointsProtocol=https;AccountKey=*;x=1"),
        ("SIGNING_KEY=abcd1234", "SIGNING_KEY=*"),
        ("PASSPHRASE=abcd1234", "PASSPHRASE=*"),
        ("Cookie: sid=s%3Aabc.def; theme=dark\r\nHost: a", "Cookie: *\r\nHost: a"),
        ('Cookie: sid="a b"; theme=dark, and more', "Cookie: * and more"),
        ("set-cookie: sid=abcd1234; Path=/; HttpOnly; Secure", "set-cookie: *; HttpOnly; Secure"),
        ('{"cookie": "sid=abcd1234; a=b", "user": "me"}', '{"cookie": "*", "user": "me"}'),
        (r'{"message": "sent {\"cookie\": \"sid=abcd; a=b\"}"}', r'{"message": "sent {\"cookie\": \"*\"}"}'),
        ("pa\u017f\u017fword=hunter22", "pa\u017f\u017fword=*"),
        ("TO\u212aEN=hunter22", "TO\u212aEN=*"),
        ("author\u0131zation: hunter22", "author\u0131zation: *"),
    ],
)
def test_what_is_shaped_like_a_secret_is_masked(text: str, masked: str) -> None:
    assert Redactor().text(text) == masked.replace("*", MASK)


HEX = "0123456789abcdef" * 8
MIXED = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY" * 6
TOKENS = {
    "Private keys": PEM,
    "GitHub": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "GitHub, Apps": f"ghs_123456_{JWT}",
    "GitHub, fine-grained": f"github_pat_11ABCDEFG0{MIXED[:12]}_{MIXED[:59]}",
    "GitLab": f"glpat-{MIXED[:20]}",
    "OpenAI, Anthropic, Stripe and others": f"sk-ant-api03-{MIXED[:80]}-_AA",
    "Stripe, restricted": f"rk_live_{MIXED[:24]}",
    "Stripe, public": f"pk_test_{MIXED[:24]}",
    "Stripe and Svix, webhooks": f"whsec_{MIXED[:30]}+/==",
    "Slack": f"xoxe.xoxp-1-{MIXED[:40]}",
    "Slack, apps": f"xapp-1-A0123-456-{HEX[:64]}",
    "Slack, webhooks": "T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
    "AWS": "ASIAIOSFODNN7EXAMPLE",
    "AWS, Bedrock": f"ABSK{MIXED[:120]}==",
    "Google": f"AIza{MIXED[:35]}",
    "Google, OAuth": f"ya29.{MIXED[:60]}-_",
    "Google, OAuth clients": f"GOCSPX-{MIXED[:28]}",
    "Google, OAuth refresh": f"1//0{MIXED[:60]}",
    "npm": f"npm_{MIXED[:36]}",
    "PyPI": f"pypi-AgEIcHlwaS5vcmc{MIXED[:60]}",
    "RubyGems": f"rubygems_{HEX[:48]}",
    "Hugging Face": f"hf_{MIXED[:34]}",
    "Hugging Face, organisations": f"api_org_{MIXED[:34]}",
    "SendGrid": f"SG.{MIXED[:22]}.{MIXED[:43]}",
    "Mailgun": f"key-{HEX[:32]}",
    "Mailchimp": f"{HEX[:32]}-us12",
    "Brevo": f"xkeysib-{HEX[:64]}-{MIXED[:16]}",
    "Resend": f"re_{MIXED[:8]}_{MIXED[:24]}",
    "Twilio": f"SK{HEX[:32]}",
    "Discord, webhooks": f"123456789012345678/{MIXED[:68]}",
    "Discord, bots: from M": f"MTA{MIXED[:23]}.G{MIXED[:5]}.{MIXED[:38]}",
    "Discord, bots: from N": f"NzA{MIXED[:21]}.X{MIXED[:5]}.{MIXED[:27]}",
    "Discord, bots: from O": f"ODA{MIXED[:21]}.Y{MIXED[:5]}.{MIXED[:38]}",
    "Telegram": f"1234567890:AA{MIXED[:33]}",
    "Docker": f"dckr_pat_{MIXED[:27]}",
    "DigitalOcean": f"dop_v1_{HEX[:64]}",
    "Doppler": f"dp.st.prd.{MIXED[:43]}",
    "Linear": f"lin_api_{MIXED[:40]}",
    "Notion": f"ntn_{MIXED[:46]}",
    "Notion, old ones": f"secret_{MIXED[:43]}",
    "Shopify": f"shpat_{HEX[:32]}",
    "Square": f"sq0atp-{MIXED[:22]}",
    "Square, new ones": f"EAAA{MIXED[:60]}",
    "Sentry": f"sntrys_{MIXED[:90]}=_{MIXED[:43]}",
    "Grafana": f"glsa_{MIXED[:32]}_{HEX[:8]}",
    "New Relic": f"NRAK-{MIXED[:27].upper()}",
    "New Relic, licences": f"{HEX[:36]}NRAL",
    "Datadog, clients": f"pub{HEX[:32]}",
    "Honeycomb": f"hcaik_{HEX[:58]}",
    "PostHog": f"phx_{MIXED[:43]}",
    "Postman": f"PMAK-{HEX[:24]}-{HEX[:34]}",
    "Vercel": f"vcp_{MIXED[:56]}",
    "Vercel, blobs": f"vercel_blob_rw_{MIXED[:16]}_{MIXED[:30]}",
    "Netlify": f"nfp_{MIXED[:36]}",
    "Render": f"rnd_{MIXED[:28]}",
    "Supabase": f"sbp_{HEX[:40]}",
    "Supabase, keys": f"sb_secret_{MIXED[:22]}_{MIXED[:8]}",
    "PlanetScale": f"pscale_tkn_{MIXED[:43]}",
    "Neon": f"napi_{MIXED[:64].lower()}",
    "Databricks": f"dapi{HEX[:32]}-2",
    "Pinecone": f"pcsk_{MIXED[:6]}_{MIXED[:60]}",
    "Fly": f"fo1_{MIXED[:43]}",
    "Fly, macaroons": f"fm2_{MIXED[:120]}==",
    "Atlassian": f"ATATT3{MIXED[:180]}=ABCDEF12",
    "Atlassian, Bitbucket": f"ATBB{MIXED[:32]}",
    "Heroku": f"HRKU-{MIXED[:60]}",
    "Terraform": f"{MIXED[:14]}.atlasv1.{MIXED[:67]}",
    "Vault": f"hvs.{MIXED[:90]}",
    "Pulumi": f"pul-{HEX[:40]}",
    "Buildkite": f"bkua_{HEX[:40]}",
    "CircleCI": f"CCIPAT_{MIXED[:22]}_{HEX[:40]}",
    "SonarQube": f"squ_{HEX[:40]}",
    "Tailscale": f"tskey-auth-{MIXED[:12]}-{MIXED[:32]}",
    "1Password": f"ops_eyJ{MIXED[:150]}",
    "Figma": f"figd_{MIXED[:40]}",
    "Airtable": f"pat{MIXED[:14]}.{HEX[:64]}",
    "Dropbox": f"sl.u.{MIXED[:150]}",
    "Groq": f"gsk_{MIXED[:52]}",
    "xAI": f"xai-{MIXED[:80]}",
    "Perplexity": f"pplx-{MIXED[:48]}",
    "Replicate": f"r8_{MIXED[:37]}",
    "LangSmith": f"lsv2_pt_{HEX[:32]}_{HEX[:10]}",
    "Razorpay": f"rzp_live_{MIXED[:14]}",
    "EasyPost": f"EZAK{MIXED[:54]}",
    "Age": f"AGE-SECRET-KEY-1{MIXED[:58].upper()}",
    "JWT": JWT,
}
BEFORE = {
    "Slack, webhooks": "https://hooks.slack.com/services/",
    "Discord, webhooks": "https://discord.com/api/webhooks/",
}


def test_each_shape_has_a_token_to_be_tried_with() -> None:
    assert [shape.maker for shape in SHAPES] == list(TOKENS)
    assert len(TOKENS) >= 25


AROUND = ("{}", "used {} in vain", '{{"x": "{}"}}', "x='{}'", "line\n{}\nline", "({})", "a,{},b")


@pytest.mark.parametrize("maker", TOKENS)
def test_a_maker_s_token_is_masked_wherever_it_stands(maker: str) -> None:
    before = BEFORE.get(maker, "")
    masked = {around: Redactor().text(around.format(before + TOKENS[maker])) for around in AROUND}
    assert masked == {around: around.format(before + MASK) for around in AROUND}


@pytest.mark.parametrize("maker", sorted(TOKENS.keys() - BEFORE.keys() - {"Private keys"}))
def test_a_word_that_only_contains_a_token_s_letters_stays(maker: str) -> None:
    """Within a word it is no token: `task-1`, `desk_top` and what compilers and browsers make of names."""
    if maker not in {"JWT", "GitHub, Apps", "Slack"}:  # a second part of these begins a word
        assert Redactor().text(f"a_{TOKENS[maker]}") == f"a_{TOKENS[maker]}"


@pytest.mark.parametrize(
    "text",
    [
        f"-----BEGIN {kind}-----\nlQOYBF\n-----END {kind}-----"
        for kind in ("OPENSSH PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK")
    ],
)
def test_a_private_key_of_any_kind_is_masked(text: str) -> None:
    assert Redactor().text(f"a {text} b") == f"a {MASK} b"


@given(st.lists(st.sampled_from([*TOKENS.values(), " ", "\n", "a", "-", ".", "_", MASK]), max_size=6).map("".join))
@example(TOKENS["AWS"] + PEM)
@example(TOKENS["Telegram"] + PEM)
@example(TOKENS["Postman"] + TOKENS["GitHub"])
def test_masking_tokens_again_changes_nothing(text: str) -> None:
    once = Redactor().text(text)
    assert Redactor().text(once) == once


TRACEBACK = """Traceback (most recent call last):
  File "/app/devops_daemon/adapters/exchange.py", line 123, in request
    async with self._session.request(method, url, **options) as response:
               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
aiohttp.client_exceptions.ClientConnectorError: Cannot connect to host api.example.com:443 ssl:default [None]
"""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the backend is down: status 500, expected 200",
        "token refresh failed",
        "the token is wrong, the secret unset and the password too short",
        "wrong password?",
        "Invalid or missing X-DevOps-Secret",
        "needs CANARY_PASSWORD or DEVOPS_API_SECRET",
        "Basic research",
        "This is basic research. It is done.",
        "a basic end-to-end test",
        "the basic 3-step plan",
        "the bearer of news",
        "the cookie: missing",
        "a cookie is set, cookies=2",
        "https://docs.example/api/webhooks/create",
        "deployed 63a1678e66c4930ea0e460c42ed38acfb56f163a (63a1678)",
        f"deployment {UUID} crashed",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "https://api.example.com:8443/health?limit=10&sort=asc#top",
        "http://[::1]:8080/status",
        "mail dev@example.com, see https://example.com/a and b@c.example",
        "https://example.com/@someone/123",
        "https://example.com?email=someone@mail.example",
        "https://example.com/search?q=a#b@c",
        "connection refused: 127.0.0.1:5432",
        "2026-01-01T00:00:00Z info daemon.started port=8080 seconds=0.3",
        '{"status": "healthy", "checks": {"database": "ok"}}',
        "\u6f22\u5b57 \U0001f6a8 Production Incident: auth failing",
        "GET /users/patterns/public.key-value?sort=sl.name HTTP/1.1",
        "Mon, 05 Jan 2026 12:00:00 GMT; Nov 3; October.summary.of-the-quarter",
        "task-1-of-2 desk_lamp risk-assessment-2026-q1-final mask_rcnn",
        "node:internal/process/task_queues:95:5 webpack-dev-server@4.15.1 next-14.2.3",
        "release v1.2.3-rc.1+build.5 of python3.12-slim-bookworm, postgres:16-alpine",
        "/app/node_modules/@aws-sdk/client-s3/dist-cjs/index.js:12:34",
        "arn:aws:iam::123456789012:role/deploy-role, us-east-1, eu-central-1",
        'etag W/"5f3-18c2d1b2a40" req_8sd7f9sd8f7gh21kq trace 4bf92f3577b34da6a3ce929d0e0e4736',
        "SELECT pat FROM pubs WHERE key-id = 7 AND secret_santa",
        "SKU SK123 NRA HRKU ATATT3 AGE-SECRET fo1_short lin_api dp.st dop_v1 re_run_all",
        "rollout of Nightly-build-2026.stable.channel",
        TRACEBACK,
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert Redactor(["s3cret-value"]).text(text) == text


# Twice, and for long

PIECES = [
    *(
        "ghp_",
        "sk-",
        "AKIA",
        "eyJ",
        "xoxb-",
        "a" * 20,
        "A" * 16,
        "0123",
        ".",
        "/",
        "://",
        "a:b@",
        "@",
        "=",
        ":",
        " ",
        "\n",
    ),
    *(
        "Bearer ",
        "Basic ",
        "token",
        "password=",
        "secret: ",
        '"',
        "'",
        MASK,
        "[",
        "]",
        "&",
        "Cookie: ",
        ";",
        "-----BEGIN RSA PRIVATE KEY-----",
    ),
]
pieced = st.lists(st.sampled_from(PIECES) | texts, max_size=12).map("".join)


@given(st.lists(secrets, max_size=2), pieced)
@example([], "Basic password=ghp_")
def test_masking_again_changes_nothing(several: list[str], text: str) -> None:
    assume(all(map(can_be_kept_out, several)))
    redactor = Redactor(several)
    once = redactor.text(text)
    assert redactor.text(once) == once


@pytest.mark.parametrize(
    "unit",
    [
        *("a", "=", " ", "-", "://", "a://", "a:b@", "Bearer ", "bearer", "token=", "password "),
        *("cookie: a=", "cookie:a=b;", 'cookie:a="b', "cookie=", "SG.aaaaaaaaaaaaaaaa", "/api/webhooks/"),
        *("ghp_", "sk-a-", "-eyJ", "eyJ.", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", MASK),
    ],
)
def test_a_long_text_takes_no_long_time(unit: str) -> None:
    """A megabyte, reached in steps: where time grows with the square of the length, the first steps show it."""
    redactor = Redactor(["s3cret-value", "another-secret"])
    for size in (2**14, 2**17, 2**20):
        text = unit * (size // len(unit))
        cpu_within(0.2 + 2 * size / 2**20, redactor.text, text)


# Values that are no text

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.just("SECRET") | st.just(b"SECRET"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts | st.just("SECRET"), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=8,
)


def _with(value: Any, secret: str) -> Any:
    match value:
        case str():
            return value.replace("SECRET", secret)
        case bytes():
            return value.replace(b"SECRET", secret.encode())
        case dict():
            return {_with(key, secret): _with(item, secret) for key, item in value.items()}
        case list() | tuple():
            return type(value)(_with(item, secret) for item in value)
        case _:
            return value


def _texts_in(value: Any) -> list[str]:
    match value:
        case dict():
            return [text for pair in value.items() for item in pair for text in _texts_in(item)]
        case list():
            return [text for item in value for text in _texts_in(item)]
        case _:
            return [value] if isinstance(value, str) else []


@given(values, st.text("pasword019 /\"'", min_size=4, max_size=12))
def test_no_secret_stays_in_any_value_within_another(value: Any, secret: str) -> None:
    masked = Redactor([secret]).value(_with(value, secret))
    assert [text for text in _texts_in(masked) if secret in text] == []


def test_a_structure_keeps_its_form() -> None:
    value = {"a": ["pass-word", 1, None, True, 0.5], ("b", 2): {"c": ("x pass-word y",)}, "pass-word": {"pass-word"}}
    assert Redactor(["pass-word"]).value(value) == {
        "a": [MASK, 1, None, True, 0.5],
        "('b', 2)": {"c": [f"x {MASK} y"]},
        MASK: [MASK],
    }


def test_an_object_is_masked_as_it_is_written() -> None:
    redactor = Redactor(["pass-word"])
    assert redactor.value(ValueError("wrong: pass-word")) == f"wrong: {MASK}"
    assert redactor.value(b"pass-word") == f"b'{MASK}'"
    assert redactor.value(URL("https://host.example/pass-word")) == f"https://host.example/{MASK}"


def test_a_number_that_is_a_secret_is_masked() -> None:
    assert Redactor(["20260714"]).value({"pin": 20260714, "port": 8080}) == {"pin": MASK, "port": 8080}


# Addresses of people


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail maria@mail.example now", "mail * now"),
        ("<jo.doe+x@sub.mail.example>, a@b.co", "<*>, *"),
        ("user=maria%40x@mail.example", "user=*"),
        ("maria@mail.example.", "*."),
        ("m\u00e4ria@m\u00e4il.example", "*"),
        ("git@github.com:org/repo.git", "*:org/repo.git"),
        ("app@1.2.3", "*"),
        (
            "@maria, @org/team, a @ b.c, x@localhost, @scope/pkg@next",
            "@maria, @org/team, a @ b.c, x@localhost, @scope/pkg@next",
        ),
        ("no address", "no address"),
    ],
)
def test_addresses_are_masked(text: str, masked: str) -> None:
    assert without_emails(text) == masked.replace("*", MASK)


words = st.from_regex(r"[a-z0-9]([a-z0-9._+-]{0,20}[a-z0-9])?", fullmatch=True)
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)


@given(texts, words, st.lists(labels, min_size=2, max_size=4).map(".".join), texts)
def test_no_address_stays(before: str, user: str, host: str, after: str) -> None:
    masked = without_emails(f"{before} {user}@{host} {after}")
    assert f"{user}@{host}" not in masked
    assert without_emails(masked) == masked


@pytest.mark.parametrize("unit", ["a", "a@", "a.", "@a.", "a@a.", "a@a.a", "-", "%", "a@a.a."])
def test_addresses_are_found_in_no_long_time(unit: str) -> None:
    cpu_within(1, without_emails, unit * (2**19 // len(unit)))


# Which variables hold secrets


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NODE_ENV", "production"),
        ("DEBUG", "true"),
        ("VERBOSE", "False"),
        ("PORT", "8080"),
        ("WORKERS", "4"),
        ("RATIO", "0.25"),
        ("LOG_LEVEL", "warning"),
        ("HOST", "10.0.0.1"),
        ("BIND", "[::]:8080"),
        ("H", "fd12:3456::1"),
        ("RAILWAY_PRIVATE_DOMAIN", "backend.railway.internal"),
        ("PUBLIC_URL", "https://app.example.com/a/b?page=1"),
        ("CORS_ORIGINS", "https://a.example.com,https://b.example.com"),
        ("REDIS_URL", "redis://redis.railway.internal:6379/0"),
        ("REGION", "us-west2"),
        ("RAILWAY_REPLICA_REGION", "europe-west4-drams3a"),
        ("DATA_DIR", "/var/lib/app-data/v1"),
        ("PATH", "/usr/local/bin:/usr/bin"),
        ("IMAGE", "ghcr.io/owner/app:v1.2.3"),
        ("START", "node dist/server.js --port 3000"),
        ("NODE_OPTIONS", "--max-old-space-size=4096"),
        ("MODEL_NAME", "claude-sonnet-4-5-20250929"),
        ("TZ", "Europe/Berlin"),
        ("TIMEOUT", "30s"),
        ("MEMORY", "512MB"),
        ("NIXPACKS_NODE_VERSION", "20.11.1"),
        ("HANDLER", "MyRequestHandler"),
        ("FEATURES", "search,checkout, beta-ui"),
        ("GREETING", "Welcome to the shop (beta)"),
        ("ADMIN_EMAIL", "ops@app.example"),
        ("SMTP_FROM", "The Shop <shop@app.example>"),
        ("RAILWAY_GIT_COMMIT_SHA", "63a1678e66c4930ea0e460c42ed38acfb56f163a"),
        ("RAILWAY_SERVICE_ID", UUID),
        ("CERT_PEM", "-----BEGIN CERTIFICATE-----\nMIIEowIB\n-----END CERTIFICATE-----"),
        ("TOKEN_TTL", "3600"),
        ("TOKEN_EXPIRY_SECONDS", "864000"),
        ("PASSWORD_MIN_LENGTH", "12"),
        ("AUTH_URL", "https://auth.example.com"),
        ("SECRET_NAME", "backend-secrets"),
        ("MAX_TOKENS", "4096"),
        ("KEYCLOAK_HOST", "keycloak.internal"),
        ("PASSWORD", "pass"),
        ("TOKEN", "true"),
        ("EMPTY", ""),
        ("CONFIG", '{"level": "info", "port": 8080, "hosts": ["a.example.com"]}'),
        ("BROKEN", "{"),
    ],
)
def test_what_would_ruin_the_text_is_not_masked(name: str, value: str) -> None:
    assert known_values({name: value}) == []


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("JWT_SECRET", "shorty", ["shorty"]),
        ("SECRET_KEY", "production", ["production"]),
        ("PGPASSWORD", "hunter22", ["hunter22"]),
        ("dbPassword", "aB3$", ["aB3$"]),
        ("ADMIN_PIN", "a1b2", ["a1b2"]),
        ("ADMIN_PIN", "20260714", ["20260714"]),
        ("REDIS_AUTH", "some-words", ["some-words"]),
        (
            "API_KEYS",
            "one1two2three3,four4five5six6",
            ["one1two2three3,four4five5six6", "four4five5six6", "one1two2three3"],
        ),
        ("SOMETHING", "3f9a8b7c6d5e4f3a2b1c", ["3f9a8b7c6d5e4f3a2b1c"]),
        ("SOMETHING", UUID, [UUID]),
        ("SOMETHING", "dGVzdCBzZWNyZXQ=", ["dGVzdCBzZWNyZXQ="]),
        ("SOMETHING", "Xk3$9!abZ", ["Xk3$9!abZ"]),
        ("SOMETHING", "a1b2c3d4:xk29dk3k2", ["a1b2c3d4:xk29dk3k2"]),
        (
            "DATABASE_URL",
            "postgresql://app:p%40ssw0rd@db.internal:5432/app",
            ["postgresql://app:p%40ssw0rd@db.internal:5432/app", "p%40ssw0rd", "p@ssw0rd"],
        ),
        ("SENTRY_DSN", "https://0123abcd0123@o1.example/55", ["https://0123abcd0123@o1.example/55", "0123abcd0123"]),
        ("MIRRORS", "https://a.example,https://u:p4ssword@b.example", ["https://u:p4ssword@b.example", "p4ssword"]),
        ("WEBHOOK_URL", "https://hooks.example/services/aBcD1234efGH", ["aBcD1234efGH"]),
        ("CALLBACK_URL", "https://a.example/x?sig=aBcD1234efGH&page=2", ["aBcD1234efGH"]),
        ("CONNECTION", "Server=db.example;Password=abcd1234;User=sa", ["abcd1234"]),
        (
            "SERVICE_ACCOUNT",
            '{"type": "service", "private_key": "k3y-of-it", "n": [{"token": "t0k3n!"}]}',
            ["k3y-of-it", "t0k3n!"],
        ),
        ("SIGNER", PEM, [PEM]),
        ("ENV_FILE", "PORT=8080\nDB_PASSWORD=hunter22\nMODE=fast", ["hunter22"]),
    ],
)
def test_what_may_be_a_secret_is_masked(name: str, value: str, secret: list[str]) -> None:
    assert sorted(known_values({name: value})) == sorted(secret)


def test_values_are_known_once_the_longest_first() -> None:
    assert known_values({"A_TOKEN": "abc123", "B_TOKEN": "abc123", "C_TOKEN": "abc123def", "D": None}) == [
        "abc123def",
        "abc123",
    ]


@given(
    st.text("abcdefXYZ0189!$%&/=+#", min_size=8, max_size=40), st.sampled_from(("DB_PASSWORD", "apiToken", "X_SECRET"))
)
def test_what_is_named_a_secret_is_not_read_in_a_log(secret: str, name: str) -> None:
    assume(can_be_kept_out(secret))
    known = known_values({name: secret, "PORT": "8080"})
    assert secret in known
    assert secret not in Redactor(known).text(f"it is {secret} here")


@given(st.dictionaries(texts | st.sampled_from(("A_TOKEN", "URL", "X")), st.none() | any_text | pieced, max_size=4))
def test_every_known_value_is_part_of_a_variable(variables: dict[str, str | None]) -> None:
    found = known_values(variables)
    assert all(len(value) >= 4 for value in found)
    assert found == sorted(set(found), key=lambda value: (-len(value), value))


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a1",
        "a.",
        "a/",
        "A",
        "aB",
        "Ab",
        "1.",
        "-",
        "a=",
        "a:",
        "{",
        '["',
        '{"a":',
        "a://",
        "a://b:c@d ",
        "x@",
        "\n",
        "a\n",
        "=",
        '"',
        'a="',
        "a;",
    ],
)
def test_a_long_variable_takes_no_long_time(unit: str) -> None:
    variables = {"X": unit * (65_536 // len(unit)), "Y": f"https://x/{unit * 70}!/" * 100, "A_TOKEN": unit * 200}
    cpu_within(1, known_values, variables)
