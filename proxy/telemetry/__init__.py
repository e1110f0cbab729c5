"""Turns what the rooms announce into spans, metrics and log lines. Nobody else knows any of them.

One hub hears every event on the event loop; what takes time happens in two threads behind bounded
queues, one that writes log lines and one that builds spans and sends them to a collector. When a
queue is full its newest is dropped and counted, and no call waits.

    Event --> hub --+--> metrics   counters in plain dicts, printed when somebody asks
                    +--> lines     the sentence for it --> log: queue, thread, stderr
                    +--> recorder  when a call has ended: its story --> courier: queue, thread, OTLP

It never sees a header or a body but `traceparent`, masks what looks like a key in the words of
providers, makes nothing process-wide except the handler of Python's logging that it was asked for,
and speaks no protocol but OTLP over HTTP (protobuf) and Prometheus' text.
"""
