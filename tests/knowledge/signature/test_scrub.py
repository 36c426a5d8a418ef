"""Secrets go, what carries meaning stays."""

from __future__ import annotations

import json

import pytest

from knowledge.signature.scrub import JSONValue, scrub, scrub_value

# Made up here; put together from parts so that scanners of this repository stay quiet.
AWS_ID = "AKIA" + "QYLPMN5HHHFPZAM2"
AWS_KEY = "wJalrXUtnFEMI/K7MDENG/bPx" + "RfiCYzzz9QLkeyA"
GITHUB = "ghp_" + "x7Kq2mZ9Lw4Rt6Yb1Nc8Vd3Fg5Hj0Ps2Qa4Ue"
OPENAI = "sk-" + "proj-Qm4vT8zL2xN6cB9wR3yK7pJ1hG5fD0sA"
JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
HEX32 = "9f86d081884c7d659a2feaa0c55ad015"
HEX40 = HEX32 + "a3bf4f1b"
BEGIN = "-----BEGIN " + "RSA PRIVATE KEY-----"
END = "-----END " + "RSA PRIVATE KEY-----"
BODY = [
    "MIIEpAIBAAKCAQEA3Tz2mr7SZiAMfQyuvBjM9Oi8xK2dW1vR5nP0qLs7tYhUeGcJ",
    "bX4aZ6wEoIuN1mDfKpRs3TgVhQyLxC8jB5kWnA2e",
    "q9Z=",
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # key=value, key: value, JSON, YAML, Python
        ("password=hunter2 host=db", "password=[secret] host=db"),
        ("DB_PASSWORD=a,b;c!d", "DB_PASSWORD=[secret]"),
        ("PGPASSWORD=it's psql -p 5432 -h db", "PGPASSWORD=[secret] psql -p 5432 -h db"),
        ("MYSQL_PWD=abc mysql", "MYSQL_PWD=[secret] mysql"),
        ("password: hunter2", "password: [secret]"),
        ("  password: correct\n  user: bob", "  password: [secret]\n  user: bob"),
        ('{"password": "two words", "user": "bob"}', '{"password": "[secret]", "user": "bob"}'),
        ('{"password":"a\\"b,c","n":1}', '{"password":"[secret]","n":1}'),
        ('"{\\"password\\": \\"x\\\\\\"y\\", \\"n\\": 1}"', '"{\\"password\\": \\"[secret]\\", \\"n\\": 1}"'),
        ("{'password': 'it\\'s', 'user': 'bob'}", "{'password': '[secret]', 'user': 'bob'}"),
        ("{'password': b'abc', 'n': 1}", "{'password': b'[secret]', 'n': 1}"),
        ("connect(user='u', password='p w', host=h)", "connect(user='u', password='[secret]', host=h)"),
        ("connect(user=u, password=hunter2, host=h)", "connect(user=u, password=[secret], host=h)"),
        ("connect(password=SecretStr('hunter2'))", "connect(password=SecretStr('[secret]'))"),
        ("connect(password=pydantic.SecretStr('hunter2'))", "connect(password=pydantic.SecretStr('[secret]'))"),
        ('password: str = "hunter2"', 'password: str = "[secret]"'),
        ("'password' => 'x1'", "'password' => '[secret]'"),
        ("spring.datasource.password=x1", "spring.datasource.password=[secret]"),
        ("sfPassword=x1, sfUser=bob", "sfPassword=[secret], sfUser=bob"),
        ("Server=db;User Id=sa;Password=a@b:c;Database=x", "Server=db;User Id=sa;Password=[secret];Database=x"),
        ("Server=db;Uid=sa;Pwd=abc;", "Server=db;Uid=sa;Pwd=[secret];"),
        ("host=db user=bob password='a b' dbname=x", "host=db user=bob password='[secret]' dbname=x"),
        ("client_secret=abc123XYZ&grant_type=x", "client_secret=[secret]&grant_type=x"),
        ("api_key%3Dabc123%26user%3Dbob", "api_key%3D[secret]%26user%3Dbob"),
        ("X-Api-Key: 0a1b2c3d", "X-Api-Key: [secret]"),
        ("Invalid API key provided: abc123xyz.", "Invalid API key provided: [secret]."),
        ('"apiKey": "abc"', '"apiKey": "[secret]"'),
        ('"token": "abc123def"', '"token": "[secret]"'),
        ("token=abc123def", "token=[secret]"),
        ("HF_TOKEN=abcdef", "HF_TOKEN=[secret]"),
        ("secret: s3cr3t-v@lue", "secret: [secret]"),
        ("WANDB_API_KEY=" + HEX40, "WANDB_API_KEY=[secret]"),
        ("wandb login --relogin " + HEX40, "wandb login --relogin [secret]"),
        ("password\uff1a秘密123", "password\uff1a[secret]"),
        ("密码: 秘密123", "密码: [secret]"),
        ("password: |\n  a b\nuser: x", "password: |\n  [secret]\nuser: x"),
        ("the password is hunter2", "the password is [secret]"),
        ("Driver=x;PWD={a;b};Uid=u", "Driver=x;PWD={[secret]};Uid=u"),
        ("access_token%22%3A%22abc%22", "access_token%22%3A%22[secret]%22"),
        ("//registry/:_auth=dXNlcjpwYXNz", "//registry/:_auth=[secret]"),
        ("user:bob pass:hunter2", "user:bob pass:[secret]"),
        ("- name: DB_PASSWORD\n  value: abc", "- name: DB_PASSWORD\n  value: [secret]"),
        ('{"name": "DB_PASSWORD", "value": "abc"}', '{"name": "DB_PASSWORD", "value": "[secret]"}'),
        ("<password>a b</password>", "<password>[secret]</password>"),
        ('<db:Password type="x"> abc </db:Password>', '<db:Password type="x"> [secret] </db:Password>'),
        ('<user name="x" password="abc"/>', '<user name="x" password="[secret]"/>'),
        (
            "<name>javax.jdo.option.ConnectionPassword</name>\n<value>abc</value>",
            "<name>javax.jdo.option.ConnectionPassword</name>\n<value>[secret]</value>",
        ),
        # command lines, SQL, netrc
        ("tool --password hunter2 --verbose", "tool --password [secret] --verbose"),
        ("tool --password=hunter2 -v", "tool --password=[secret] -v"),
        ('["tool", "--api-key", "abc", "-v"]', '["tool", "--api-key", "[secret]", "-v"]'),
        ("--db-password 'a b' --x", "--db-password '[secret]' --x"),
        ("mysql -u root -phunter2 db", "mysql -u root -p[secret] db"),
        ("mysqldump -u root -p hunter2 db", "mysqldump -u root -p [secret] db"),
        ("sshpass -p 'a b' ssh x", "sshpass -p '[secret]' ssh x"),
        ("docker login -u bob -p abc ghcr.io", "docker login -u bob -p [secret] ghcr.io"),
        ("redis-cli -h x -a abc ping", "redis-cli -h x -a [secret] ping"),
        ("curl -s -u bob:abc http://x/", "curl -s -u bob:[secret] http://x/"),
        ("sshpass -p hunter2 ssh x", "sshpass -p [secret] ssh x"),
        ("sshpass -phunter2 scp x", "sshpass -p[secret] scp x"),
        ("['sshpass', '-p', 'hunter2', 'ssh']", "['sshpass', '-p', '[secret]', 'ssh']"),
        ('["docker", "login", "-p", "a b"]', '["docker", "login", "-p", "[secret]"]'),
        ("psql -h db -p hunter2 x", "psql -h db -p [secret] x"),
        ("java x -password hunter2", "java x -password [secret]"),
        ("-password hunter2", "-password [secret]"),
        ("CREATE USER x IDENTIFIED BY 'abc'", "CREATE USER x IDENTIFIED BY '[secret]'"),
        ("CREATE USER 'bob'@'%' IDENTIFIED BY 'abc'", "CREATE USER 'bob'@'%' IDENTIFIED BY '[secret]'"),
        ("alter user bob identified by tiger;", "alter user bob identified by [secret];"),
        (
            "CREATE USER bob IDENTIFIED WITH mysql_native_password BY 'abc'",
            "CREATE USER bob IDENTIFIED WITH mysql_native_password BY '[secret]'",
        ),
        ("ALTER USER bob IDENTIFIED BY VALUES 'S:1'", "ALTER USER bob IDENTIFIED BY VALUES '[secret]'"),
        ("SET PASSWORD FOR 'bob'@'h' = 'abc'", "SET PASSWORD FOR 'bob'@'h' = '[secret]'"),
        ("SET PASSWORD FOR bob = PASSWORD('abc')", "SET PASSWORD FOR bob = PASSWORD('[secret]')"),
        ("CREATE LOGIN x WITH PASSWORD = N'abc'", "CREATE LOGIN x WITH PASSWORD = N'[secret]'"),
        ("ALTER ROLE x WITH PASSWORD 'abc';", "ALTER ROLE x WITH PASSWORD '[secret]';"),
        ("machine h login u password abc", "machine h login u password [secret]"),
        # URLs
        ("postgresql://user:abc@host/db", "postgresql://user:[secret]@host/db"),
        ("postgresql://user:p@ss/w#rd@host:5432/db", "postgresql://user:[secret]@host:5432/db"),
        ("postgres://user:a:b%40c@host/db?x=a@b", "postgres://user:[secret]@host/db?x=a@b"),
        ("redis://:abc@host:6379/0", "redis://:[secret]@host:6379/0"),
        ("https://u:p@reg.io/@scope/pkg", "https://u:[secret]@reg.io/@scope/pkg"),
        ("a amqp://u:p@h1,amqp://u:q@h2 b", "a amqp://u:[secret]@h1,amqp://u:[secret]@h2 b"),
        ("snowflake://bob@corp.com:abc@acc/db", "snowflake://[email]:[secret]@acc/db"),
        (f"https://{HEX32}@o1.ingest.sentry.io/2", "https://[secret]@o1.ingest.sentry.io/2"),
        (f"https://x-access-token:{GITHUB}@github.com/a/b", "https://x-access-token:[secret]@github.com/a/b"),
        ("jdbc:oracle:thin:scott/tiger@db:1521/x", "jdbc:oracle:thin:scott/[secret]@db:1521/x"),
        # headers
        ("Authorization: Bearer abc.def-1", "Authorization: Bearer [secret]"),
        ("{'Authorization': 'Basic dTpw'}", "{'Authorization': 'Basic [secret]'}"),
        ('-H "Authorization: token abc123"', '-H "Authorization: token [secret]"'),
        ("Proxy-Authorization: Basic dTpwYXNz", "Proxy-Authorization: Basic [secret]"),
        ('Authorization: Digest username="u", response="abc"\nHost: x', "Authorization: Digest [secret]\nHost: x"),
        (
            f"Authorization: AWS4-HMAC-SHA256 Credential={AWS_ID}/2026/x, Signature=ab",
            "Authorization: AWS4-HMAC-SHA256 [secret]",
        ),
        ("sent Bearer abcdef0123456789", "sent Bearer [secret]"),
        ("sent Basic dXNlcjpwYXNzd29yZA==", "sent Basic [secret]"),
        ("Basic dXNlcjpwYXNzd29yZA==", "Basic [secret]"),
        ("basic: dXNlcjpwYXNzd29yZA==", "basic: [secret]"),
        ("('Basic', 'dXNlcjpwYXNzd29yZA==')", "('Basic', '[secret]')"),
        ("?x=Basic%20dXNlcjpwYXNzd29yZA==", "?x=Basic%20[secret]"),
        ("Cookie: a=b; c=d\nHost: x", "Cookie: [secret]\nHost: x"),
        ("{'Set-Cookie': 'sid=abc; Path=/', 'n': 1}", "{'Set-Cookie': '[secret]', 'n': 1}"),
        (
            "send: b'GET / HTTP/1.1\\r\\nCookie: a=b\\r\\nAuthorization: Bearer abc1\\r\\n\\r\\n'",
            "send: b'GET / HTTP/1.1\\r\\nCookie: [secret]\\r\\nAuthorization: Bearer [secret]\\r\\n\\r\\n'",
        ),
        # clouds
        (f"id {AWS_ID} used", "id [secret] used"),
        (f"{AWS_ID},{AWS_KEY}\n", "[secret]\n"),
        (f"aws_secret_access_key = {AWS_KEY}", "aws_secret_access_key = [secret]"),
        ("aws_session_token=IQoJb3JpZ2luX2Vjabc", "aws_session_token=[secret]"),
        (
            "k?X-Amz-Credential=AB%2F2026&X-Amz-Date=2026&X-Amz-Security-Token=aa%2Bb&X-Amz-Signature=0a1b HTTP",
            "k?X-Amz-Credential=[secret]&X-Amz-Date=2026&X-Amz-Security-Token=[secret]&X-Amz-Signature=[secret] HTTP",
        ),
        ("?sv=2026&sr=b&sig=aB3dE5fG7hI9jK1lM3%3D&se=1", "?sv=2026&sr=b&sig=[secret]&se=1"),
        ("?X-Goog-Signature=0a1b2c&x=1", "?X-Goog-Signature=[secret]&x=1"),
        ("AccountName=x;AccountKey=abc+/d==;EndpointSuffix=y", "AccountName=x;AccountKey=[secret];EndpointSuffix=y"),
        ("Endpoint=sb://x/;SharedAccessKey=abc=", "Endpoint=sb://x/;SharedAccessKey=[secret]"),
        (
            "fs.azure.account.key.acc.dfs.core.windows.net=abc==",
            "fs.azure.account.key.acc.dfs.core.windows.net=[secret]",
        ),
        ("secret abc8Q~" + "x" * 34, "secret [secret]"),
        ("azure pat " + "a1b2c3d4" * 6 + "xyz7", "azure pat [secret]"),
        ("AZURE_DEVOPS_EXT_PAT=" + "a1b2c3d4" * 6 + "xyz7", "AZURE_DEVOPS_EXT_PAT=[secret]"),
        ("git clone failed: " + "aB3dE5fG7h" * 7 + "JQQJ99" + "AZDO" + "1a2B", "git clone failed: [secret]"),
        ("key AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6q", "key [secret]"),
        ("token ya29." + "a0AfH6SMBx1y2z3-4_5.6", "token [secret]"),
        # issuers' forms
        (f"remote: {GITHUB}", "remote: [secret]"),
        (f"said \\n{GITHUB}\\n", "said \\n[secret]\\n"),
        ("github_pat_" + "11ABCDEFG0aBcDeFgHiJkL_mNoP", "[secret]"),
        ("glpat-" + "aB3dE5fG7hI9jK1lM3nO", "[secret]"),
        ("xoxb-" + "1234567890-abcdefGHIJ", "[secret]"),
        ("https://hooks.slack.com/services/" + "T0/B0/abc", "https://hooks.slack.com/services/[secret]"),
        (f"Incorrect key {OPENAI}.", "Incorrect key [secret]."),
        ("sk-ant-" + "api03-abcDEF123456789xyzABC", "[secret]"),
        ("hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567", "[secret]"),
        ("dapi" + HEX32, "[secret]"),
        ("npm_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789", "[secret]"),
        ("pypi-" + "AgEIcHlwaS5vcmc" + "aB3_" * 10, "[secret]"),
        ("sk_live_" + "aB3dE5fG7hI9", "[secret]"),
        ("SK" + HEX32, "[secret]"),
        ("SG." + "aB3dE5fG7hI9jK1lM3nO5p" + ".aB3dE5fG7hI9jK1lM3nO5p", "[secret]"),
        ("https://api.telegram.org/bot" + "123456789:AA" + "b1" * 17 + "/x", "https://api.telegram.org/bot[secret]/x"),
        ("M" + "T" * 23 + ".G1abcd." + "aB3" * 10, "[secret]"),
        (f"jwt {JWT} expired", "jwt [secret] expired"),
        (f"jwt {JWT[:30]}\n{JWT[30:60]}\nnext line", "jwt [secret]\nnext line"),
        # private keys
        ("\n".join(["a", BEGIN, *BODY, END, "b"]), "a\n[secret]\nb"),
        (
            '{"private_key": "' + "\\n".join([BEGIN, *BODY, END, ""]) + '", "n": 1}',
            '{"private_key": "[secret]", "n": 1}',
        ),
        (
            "\n".join([BEGIN, *BODY, "Traceback (most recent call last):"]),
            "[secret]\nTraceback (most recent call last):",
        ),
        ("\n".join(["x y", *BODY, END, "b"]), "x y\n[secret]\nb"),
        # people
        ("mail bob.x+y@mail.example.com now", "mail [email] now"),
        ("<bob@example.com>, 'al@example.org'", "<[email]>, '[email]'"),
        ("card 4111 1111 1111 1111 declined", "card [card] declined"),
        ("card=4111111111111111,", "card=[card],"),
        ("amex 3782-822463-10005", "amex [card]"),
        ("4111-1111-1111-1111 5500000000000004", "[card] [card]"),
        # split by what does not show
        ("pass\u200bword=hun\u2060ter2 x", "password=[secret] x"),
        ("AKIA\u00ad" + AWS_ID[4:] + "\ufeff used", "[secret] used"),
        (GITHUB[:9] + "\u200d\u200c" + GITHUB[9:], "[secret]"),
        ("密码: \u200b秘密123", "密码: [secret]"),
        # split by colours
        ("pass\x1b[1mword=\x1b[31mhun\x1b[0mter2\x1b[0m x", "password=[secret] x"),
    ],
)
def test_secrets_go(text: str, expected: str) -> None:
    """A secret is replaced and its surroundings stay."""
    actual = scrub(text)

    assert expected == actual


@pytest.mark.parametrize(
    "text",
    [
        "Unexpected token < in JSON at position 0",
        "SyntaxError: Unexpected token: 'abc1' (3:4)",
        "maximum context length is 8192 tokens, max_tokens=512, tokens: 9000",
        "botocore.exceptions.ClientError: An error occurred (ExpiredToken) when calling PutObject",
        "The security token included in the request is expired",
        'FATAL: password authentication failed for user "x"',
        "Access denied for user 'x'@'10.0.0.1' (using password: YES)",
        "ORA-01017: invalid username/password; logon denied",
        "invalid api key provided",
        "Invalid API key: please check your account",
        "error: invalid password: user does not exist",
        "password: This field is required.",
        "401 Unauthorized",
        "secret not found: my-secret",
        'couldn\'t find key DB_PASSWORD in Secret default/my-secret: secret "my-secret" not found',
        "HEAD is now at 3f786850e387550fdab836ed7e6dc881de23001b",
        "image@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, GPU has fallen off the bus.",
        "SQLSTATE 40001: could not serialize access",
        'duplicate key value violates unique constraint "x_pkey" DETAIL: Key (id)=(12) already exists. primary_key=12',
        "key: id cache_key=user-12 partition_key=2026-01-01 sort_key: name",
        "token: <EOS> eos_token=</s> pad_token: [PAD] next_token=abc123def",
        "password=${DB_PASSWORD} token=$TOKEN secret={{ x }} api_key=<redacted> pwd=**** password=None",
        "password=null password='' password= ",
        'api_key = os.environ["OPENAI_API_KEY"]',
        "conn = connect(user=user, password=password, token=self.token)",
        "client = Client(api_key=get_secret('x'))",
        "PWD=/home/user/app",
        "private_key=/etc/ssl/key.pem token_file=/var/run/token",
        "usage: x [--password PASSWORD] [--token <token>]",
        "the --password option is required",
        "password is required, api key is not set, the token is 12 long, assert token is None",
        "credentials = service_account.Credentials.from_service_account_file(path)",
        "api_key: Field required; secretName: my-secret; cookie: disabled",
        "tests pass: 12, fail: 3",
        "bypass=enabled1 compass=north12",
        'WWW-Authenticate: Bearer realm="x", error="invalid_token"',
        "Basic authentication is not supported; Bearer token missing",
        "Authorization: Bearer ${TOKEN}",
        "Authorization failed: not allowed",
        "https://host:8080/path/x@1.2/y",
        "git@github.com: Permission denied (publickey,password).",
        "ssh://git@host/x.git",
        "at java.base@17.0.2/java.lang.Thread.run left-pad@1.3.0",
        "org.apache.spark.sql.Dataset@1a2b3c4d",
        "2026-11-20T08:15:00.123456789Z id=4111111111111112",
        "trace 4111111111111111abcdef and 12-4111111111111111 and 1700000000000000000",
        "2e671ee5-4c4b-4b0a-9c34-4111111111111111",
        "sk-fading-circle task-a-very-long-name-without-anything-else",
        "from huggingface_hub import hf_hub_download_with_progress_and_more_words",
        "Zeichen für Zeichen: 无效的令牌 token\uff1a无效的令牌",
        "ssh_exchange_identification: read: Connection reset by peer",
        "psql -p 5432 -h db",
        "mysql -P 3306 -u root",
        "rows are identified by 'id', the user identified by 'bob'",
        "CREATE USER bob IDENTIFIED BY ${PASSWORD} IDENTIFIED BY RANDOM PASSWORD",
        "basic: authentication, Basic 'realm', bearer=none",
        "/nix/store/sha256-" + "a1b2c3d4" * 6 + "xyz7",
        "compat " + "abcdefgh" * 6 + "abcd",
        "无\u200c效 👩\u200d💻 ❤\ufe0f 2\u20e3",
        "dial tcp 10.0.0.1:443: connect: connection refused",
        "CUDA error: device-side assert triggered",
    ],
)
def test_meaning_stays(text: str) -> None:
    """What only speaks of secrets is left as it is."""
    actual = scrub(text)

    assert text == actual


def test_nothing_found_gives_the_same_text() -> None:
    """A text without secrets and escapes comes back equal."""
    text = "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB\n  at step 12"

    assert text == scrub(text)


def test_lone_surrogates_become_replacement_characters() -> None:
    """What is no valid Unicode is made valid, pairs are joined."""
    actual = scrub("a\ud800b\ud83d\ude00")

    assert "a\ufffdb\U0001f600" == actual


def test_values_under_secret_names_go() -> None:
    """Names decide about whole values; placeholders, nulls and harmless names stay."""
    value: JSONValue = {
        "password": "x",
        "db": {"api_key": ["x"], "token": 5, "max_tokens": 5, "pad_token": "<pad>", "pw": None, "secret": "${X}"},
        "env": [{"name": "DB_PASSWORD", "value": "z"}, {"name": "MODE", "value": "z"}],
        "authorization": "Bearer x",
        "log": ["password=hunter2", 1.5, True],
        "empty": {"credentials": {}},
    }

    assert {
        "password": "[secret]",
        "db": {"api_key": "[secret]", "token": 5, "max_tokens": 5, "pad_token": "<pad>", "pw": None, "secret": "${X}"},
        "env": [{"name": "DB_PASSWORD", "value": "[secret]"}, {"name": "MODE", "value": "z"}],
        "authorization": "[secret]",
        "log": ["password=[secret]", 1.5, True],
        "empty": {"credentials": {}},
    } == scrub_value(value)


def test_the_given_value_is_not_changed() -> None:
    """Scrubbing makes a copy."""
    value: JSONValue = {"a": [{"password": "x"}]}

    scrub_value(value)

    assert {"a": [{"password": "x"}]} == value


def test_secrets_in_keys_go_and_no_entry_is_lost() -> None:
    """Keys that become equal are numbered."""
    actual = scrub_value({"bob@example.com": 1, "al@example.com": 2})

    assert {"[email]": 1, "[email] (2)": 2} == actual


def test_depth_does_not_matter() -> None:
    """Nesting of 100,000 is no recursion."""
    value: JSONValue = "password=hunter2"
    for _ in range(100_000):
        value = [value]

    actual = scrub_value(value)

    for _ in range(100_000):
        assert isinstance(actual, list)
        actual = actual[0]
    assert "password=[secret]" == actual


def test_json_stays_json() -> None:
    """A JSON text is still one after scrubbing."""
    document = {"password": 'a"b\\', "url": "postgres://u:p@h/db", "n": 1}

    actual = json.loads(scrub(json.dumps(document)))

    assert {"password": "[secret]", "url": "postgres://u:[secret]@h/db", "n": 1} == actual
