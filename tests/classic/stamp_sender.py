"""Sender of STAMP after the figures of RFC 8762, or of TWAMP Light with random padding. Arguments: host, port, the key or
"", the size of a packet, "stamp" or "twamp", packets. It checks every field of every reply, and says how many came.
"""
import hashlib
import hmac
import os
import socket
import struct
import sys
import time

server = (sys.argv[1], int(sys.argv[2]))
key, size, kind, count = sys.argv[3].encode(), int(sys.argv[4]), sys.argv[5], int(sys.argv[6])
SSID, TTL, ERROR = 0x4711, 99, 0x8155
if key:
    base, asks, says = 112, ">I12xQHH68x", ">I12xQHH4sQ8sI12sQH6sB15s"
else:
    base, asks, says = 44, ">IQHH28x", ">IQHHQIQH2sB3s"


def now():
    seconds, rest = divmod(time.time_ns(), 10**9)
    return (seconds + 2208988800) << 32 | (rest << 32) // 10**9


def code(packet):
    return hmac.new(key, packet, hashlib.sha256).digest()[:16] if key else b""


client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, TTL)
client.settimeout(10)
for number in range(count):
    sent = now()
    if kind == "twamp":
        ssid = 0
        packet = struct.pack(">IQH", number, sent, ERROR) + os.urandom(size - 14)
    else:
        ssid = SSID
        packet = struct.pack(asks, number, sent, ERROR, ssid)
        packet += code(packet)
        packet += bytes(size - base)
    client.sendto(packet, server)
    reply, _ = client.recvfrom(65535)
    back = now()
    assert len(reply) == len(packet), (len(reply), len(packet))
    assert reply[base:] == packet[base:]
    reply = reply.ljust(base, b"\0")
    body = base - len(code(b""))
    assert reply[body:base] == code(reply[:body])
    fields = struct.unpack(says, reply[:body])
    numbers = [field for field in fields if isinstance(field, int)]
    zeroes = [field for field in fields if isinstance(field, bytes)]
    assert not any(b"".join(zeroes)), zeroes
    own, left, estimate, said, received, asked, began, error, ttl = numbers
    assert own == number, (own, number)
    assert (asked, began, error) == (number, sent, ERROR)
    assert said == ssid and ttl == TTL, (said, ttl)
    assert estimate & 0x4000 == 0 and estimate & 0xFF != 0
    # Both programs are on one clock, whose times are rounded to 2**-32 seconds.
    assert sent <= received + 1 and received <= left + 1 and left <= back + 4, (sent, received, left, back)
print("%d answered" % count)
