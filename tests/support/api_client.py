"""A client of /v1 that holds each answer against docs/openapi.json, the description that the server
itself gives."""
import http.client
import json
import re
import urllib.parse
import warnings

import jsonschema

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from jsonschema import RefResolver

from support.cooper import PROJECT

DESCRIPTION = json.loads((PROJECT / "docs/openapi.json").read_text())
PROBLEM = "application/problem+json"


def resolved(value):
    """What a $ref of the description stands for."""
    while "$ref" in value:
        parts = value["$ref"].removeprefix("#/").split("/")
        value = DESCRIPTION
        for part in parts:
            value = value[part]
    return value


OPERATIONS = {operation["operationId"]: (method.upper(), path, operation)
              for path, methods in DESCRIPTION["paths"].items() for method, operation in methods.items()}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:500]!r}"


def check(operation, answer, method="GET"):
    """The answer is one that the description promises for the operation."""
    described = operation["responses"].get(str(answer.status))
    if described is None:
        assert answer.status >= 400, f"{operation['operationId']} does not describe {answer}"
        described = operation["responses"]["default"]
    described = resolved(described)
    for name, header in described.get("headers", {}).items():
        header = resolved(header)
        value = answer.headers.get(name)
        assert value is not None or not header.get("required"), f"no {name} in {answer}"
        if value is not None:
            validate(value, header["schema"])
    content = described.get("content")
    if not content:
        assert answer.body == b"" and answer.headers.get("Content-Type") is None, answer
        return
    kind = answer.headers.get_content_type()
    assert kind in content, f"{kind} is not described for {operation['operationId']}: {answer}"
    if "schema" in content[kind] and method != "HEAD":
        validate(answer.json, content[kind]["schema"])


def validate(value, schema):
    jsonschema.Draft202012Validator(
        schema, resolver=RefResolver("", DESCRIPTION),
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER).validate(value)


class Api:
    """Calls operations by their ids, as somebody with this token; `called` has all that went well."""

    def __init__(self, port, token="any", called=None):
        self.port, self.token, self.called = port, token, called if called is not None else set()

    def as_token(self, token):
        return Api(self.port, token, self.called)

    def raw(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=180)
        try:
            authorization = {"Authorization": f"Bearer {self.token}"} if self.token else {}
            connection.request(method, path, body, {**authorization, **(headers or {})})
            got = connection.getresponse()
            return Answer(got.status, got.headers, got.read())
        finally:
            connection.close()

    def call(self, name, *, status=None, body=None, query=None, headers=None, data=None, head=False, **arguments):
        """The Answer, which has `status`; by default one that the description has for success."""
        method, path, operation = OPERATIONS[name]
        method = "HEAD" if head else method
        for key, value in arguments.items():
            path = path.replace("{" + key + "}", urllib.parse.quote(value, safe="/" if key in ("key", "host") else ""))
        assert "{" not in path, f"{name} needs more arguments: {path}"
        if query:
            path += "?" + urllib.parse.urlencode(query, doseq=True)
        headers = dict(headers or {})
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            data = json.dumps(body).encode()
            if status is None:
                validate(body, operation["requestBody"]["content"]["application/json"]["schema"])
        answer = self.raw(method, path, data, headers)
        check(operation, answer, method)
        if status is None:
            assert answer.status < 400, f"{name}: {answer}"
            self.called.add(name)
        else:
            assert answer.status == status, f"{name}: {answer} is not {status}"
        return answer

    def get(self, name, **options):
        return self.call(name, **options).json

    def problem(self, name, status, **options):
        """The problem that the call must end with."""
        answer = self.call(name, status=status, **options)
        problem = answer.json
        assert problem["status"] == status, problem
        return problem

    def pages(self, name, limit, **options):
        """All items, page by page, by way of the Link header."""
        query = {**options.pop("query", {}), "limit": limit}
        items = []
        for _ in range(1000):
            answer = self.call(name, query=query, **options)
            items += answer.json["items"]
            link = answer.headers.get("Link")
            assert bool(link) == ("next" in answer.json), answer
            if not link:
                return items
            assert len(answer.json["items"]) == limit
            target = re.fullmatch(r'<([^>]*)>; rel="next"', link)[1]
            query = urllib.parse.parse_qs(target.partition("?")[2])
            assert query["cursor"] == [answer.json["next"]]
        raise AssertionError("the pages have no end")
