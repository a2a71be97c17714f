"""Reflector of STAMP after the figures of RFC 8762. Arguments: "counts" or "copies", the key or "", "ntp" or "ptp", and of
how many packets one is lost on the way there and one on the way back; 0 for none.
"""
import hashlib
import hmac
import socket
import struct
import sys
import time

numbering, key, clock = sys.argv[1], sys.argv[2].encode(), sys.argv[3]
there, back = int(sys.argv[4]), int(sys.argv[5])
if key:
    base, asks, says = 112, ">I12xQHH68x", ">I12xQHH4xQ8xI12xQH6xB15x"
else:
    base, asks, says = 44, ">IQHH28x", ">IQHHQIQH2xB3x"


def now():
    nanos = time.time_ns()
    seconds, rest = divmod(nanos, 10**9)
    if clock == "ptp":
        return seconds << 32 | rest
    return (seconds + 2208988800) << 32 | (rest << 32) // 10**9


def code(packet):
    return hmac.new(key, packet, hashlib.sha256).digest()[:16] if key else b""


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_RECVTTL", 12), 1)
server.bind(("127.0.0.1", 0))
print("udp://127.0.0.1:%d" % server.getsockname()[1])
came, counted = 0, 0
while True:
    data, controls, _, client = server.recvmsg(65535, 256)
    received = now()
    ttl = struct.unpack("@i", controls[0][2][:4])[0]
    body = base - len(code(b""))
    if len(data) < base or code(data[:body]) != data[body:base]:
        continue
    came += 1
    if there and came % there == 0:
        continue
    number, sent, error, ssid = struct.unpack(asks, data[:body])
    own = counted if numbering == "counts" else number
    counted += 1
    if back and counted % back == 0:
        continue
    estimate = 0x4001 if clock == "ptp" else 0x0001
    reply = struct.pack(says, own, now(), estimate, ssid, received, number, sent, error, ttl)
    server.sendto(reply + code(reply) + data[base:], client)
