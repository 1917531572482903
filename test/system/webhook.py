# SPDX-License-Identifier: Apache-2.0
"""A receiver of webhooks that keeps what it got and checks who sent it."""
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    def __init__(self, address, secret):
        self.lock = threading.Lock()
        self.messages, self.forged = [], 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stamp = self.headers.get("X-Holdfast-Timestamp", "")
                good = "sha256=" + hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
                receiver.take(body, self.headers.get("X-Holdfast-Delivery"),
                              hmac.compare_digest(good, self.headers.get("X-Holdfast-Signature", "")))
                self.send_response(204)
                self.end_headers()

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

        self.server = Server(address, Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, body, delivery, genuine):
        with self.lock:
            self.forged += not genuine
            # A message may arrive twice, with the same number of delivery.
            if delivery not in [number for number, _ in self.messages]:
                self.messages.append((delivery, json.loads(body)))

    def of_run(self, number):
        with self.lock:
            return [message for _, message in self.messages if message.get("run") == str(number)]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
