"""How the makers of tokens write them: a table.

Sources: the makers' prefixes and webhook addresses, RFC 7519 (JWT), RFC 7468 (PEM). Every pattern is linear.
"""

from typing import NamedTuple


class Shape(NamedTuple):
    """How a maker writes tokens."""

    maker: str
    pattern: str
    """It begins with a letter, at the beginning of a word, unless there is a clue."""
    clue: str = ""
    """A text without it is not searched."""


WORD = _W = "[A-Za-z0-9_-]"
"""What a token is mostly made of."""
_END = f"(?!{_W})"
REST = f"{_W}*"
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
