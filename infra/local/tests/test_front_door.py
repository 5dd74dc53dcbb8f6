"""The front door stands between callers and the function: what it lets in, and what the function is told."""

import base64
import json
import unittest

import botocore.auth
import botocore.awsrequest
import botocore.credentials

import front_door
import signing

ARN = "arn:aws:iam::000000000000:user/auth"


def signed(secret="secret", method="POST", url="http://127.0.0.1:9/a%20b?y=2&x=1", body=b'{"v":1}'):
    request = botocore.awsrequest.AWSRequest(method, url, {"content-type": "application/json"}, body)
    credentials = botocore.credentials.Credentials("AKIDEXAMPLE", secret)
    botocore.auth.SigV4Auth(credentials, "lambda", "us-east-1").add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()} | {"host": "127.0.0.1:9"}
    return method, "/a%20b?y=2&x=1", headers, body


class Signatures(unittest.TestCase):
    def check(self, request, secret="secret"):
        signature = signing.read(request[2].get("authorization"))
        return signing.holds(signature, secret, *request)

    def test_what_the_sdk_signs_holds(self):
        request = signed()
        self.assertEqual(signing.read(request[2]["authorization"]).access_key, "AKIDEXAMPLE")
        self.assertTrue(self.check(request))

    def test_another_key_body_path_or_time_does_not(self):
        method, target, headers, body = signed()
        self.assertFalse(self.check(signed(), secret="other"))
        self.assertFalse(self.check((method, target, headers, body + b" ")))
        self.assertFalse(self.check((method, target + "&z=3", headers, body)))
        self.assertFalse(self.check((method, target, headers | {"x-amz-date": "20200101T000000Z"}, body)))

    def test_a_header_of_another_form_is_no_signature(self):
        for header in (None, "", "Bearer x", "AWS4-HMAC-SHA256 Credential=a/b"):
            self.assertIsNone(signing.read(header))


class Events(unittest.TestCase):
    def event(self, body=b"{}", kind="application/json"):
        return front_door.event_of("POST", "/x?y=1", {"content-type": kind}, body, ARN, 12.5)

    def test_the_function_is_told_who_and_what(self):
        event = self.event()
        context = event["requestContext"]
        self.assertEqual((event["rawPath"], event["rawQueryString"], event["body"]), ("/x", "y=1", "{}"))
        self.assertEqual((context["http"]["method"], context["http"]["path"]), ("POST", "/x"))
        self.assertEqual(context["authorizer"]["iam"]["userArn"], ARN)
        self.assertFalse(event["isBase64Encoded"])

    def test_bytes_that_are_no_text_are_encoded(self):
        for body, kind in ((b"\xff{", "application/json"), (b"{}", "application/octet-stream")):
            event = self.event(body, kind)
            self.assertTrue(event["isBase64Encoded"])
            self.assertEqual(base64.b64decode(event["body"]), body)

    def test_no_body_is_no_body(self):
        event = self.event(b"", "")
        self.assertNotIn("body", event)
        self.assertFalse(event["isBase64Encoded"])


class Replies(unittest.TestCase):
    def test_the_answer_is_handed_on(self):
        answer = {"statusCode": 429, "headers": {"Retry-After": 3, "Content-Type": "text/x"}, "body": "no"}
        status, headers, body = front_door.reply_of(json.dumps(answer).encode(), False)
        self.assertEqual((status, body), (429, b"no"))
        self.assertEqual(headers, {"retry-after": "3", "content-type": "text/x"})

    def test_a_function_that_fails_is_a_502(self):
        self.assertEqual(front_door.reply_of(b"{}", True)[0], 502)


class Callers(unittest.TestCase):
    def door(self, stand_in=None):
        door = object.__new__(front_door.FrontDoor)
        door.users, door.names = {"AKIDEXAMPLE": User("AKIDEXAMPLE", "secret")}, {"AKIDEXAMPLE": ARN, "AKIDOTHER": "x"}
        door.stand_in = stand_in
        return door

    def refused(self, request):
        with self.assertRaises(front_door.Refused) as caught:
            self.door().caller_of(*request)
        return caught.exception.status, caught.exception.message

    def test_a_signed_request_is_its_users(self):
        self.assertEqual(self.door().caller_of(*signed()), ARN)

    def test_others_get_what_aws_answers(self):
        method, target, headers, body = signed()
        unsigned = {name: value for name, value in headers.items() if name != "authorization"}
        other = headers | {"authorization": headers["authorization"].replace("AKIDEXAMPLE", "AKIDNOBODY")}
        self.assertEqual(self.refused((method, target, unsigned, body)), (403, front_door.UNSIGNED))
        self.assertEqual(self.refused((method, target, other, body)), (403, front_door.UNKNOWN_KEY))
        self.assertEqual(self.refused((method, target, headers, b"")), (403, front_door.BAD_SIGNATURE))

    def test_a_stand_in_signs_for_the_unsigned_only(self):
        door = self.door(User("AKIDOTHER", "s"))
        self.assertEqual(door.caller_of("GET", "/", {}, b""), "x")
        self.assertEqual(door.caller_of(*signed()), ARN)


class User:
    def __init__(self, access_key, secret):
        self.access_key, self.secret = access_key, secret


if __name__ == "__main__":
    unittest.main()
