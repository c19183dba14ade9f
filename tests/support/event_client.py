"""Reads server-sent events as a browser does (WHATWG HTML, 9.2.6), in another language than the
server's."""
import http.client
import json
import threading

from support.cooper import wait_for


class Event:
    def __init__(self, name, last_id, data):
        self.name, self.id, self.data = name, last_id, data

    @property
    def json(self):
        return json.loads(self.data)

    def __repr__(self):
        return f"Event({self.name!r}, {self.id!r}, {self.data[:200]!r})"


class Events:
    """A stream of events; a thread reads it until it ends. `whole`: it came to its own end."""

    def __init__(self, port, path, token="any", last_id=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        self.connection.request("GET", path, headers=headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        assert self.answer.headers.get_content_type() == "text/event-stream"
        self.events, self.comments, self.whole, self._complete = [], 0, None, False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _lines(self):
        """Lines of the body, whose chunks are read here: http.client hides whether the last one came."""
        stream, rest = self.answer.fp, b""
        while size := stream.readline():
            if int(size, 16) == 0:
                self._complete = True
                return
            rest += stream.read(int(size, 16))
            stream.readline()
            *lines, rest = rest.split(b"\n")
            yield from lines

    def _read(self):
        name, last_id, data = "message", "", []
        try:
            for raw in self._lines():
                line = raw.decode()  # strictly: events are UTF-8
                assert "\r" not in line, raw
                field, colon, value = line.partition(":")
                value = value.removeprefix(" ")
                if line == "":
                    if data:
                        self.events.append(Event(name, last_id, "\n".join(data)))
                    name, data = "message", []
                elif field == "":
                    assert colon, line
                    self.comments += 1
                elif field == "event":
                    name = value
                elif field == "id":
                    last_id = value
                else:
                    assert field == "data", line
                    data.append(value)
        except (OSError, ValueError):
            pass  # cut off in the middle
        finally:
            self.whole = self._complete

    def named(self, name):
        return [event for event in list(self.events) if event.name == name]

    def wait_for(self, condition, what, seconds=180):
        return wait_for(lambda: condition(self) or (self.whole is not None and condition(self)), what, seconds)

    def begun(self):
        """From now on nothing is missed."""
        self.wait_for(lambda events: events.comments > 0, "the first comment")
        return self

    def end(self, seconds=180):
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"the stream did not end; so far: {self.events!r}"
        return self.events

    def close(self):
        if self.connection.sock:
            self.connection.sock.close()
        self.connection.close()


def text_of(events):
    return "".join(event.json["text"] for event in events if event.name == "log")
