"""Measurement echo over UDP. Arguments: the probability of loss, the longest delay in seconds.

It handles one datagram after the other, sleeps for the delay, and reads no more of a probe than it was calibrated for.
"""
import random
import socket
import sys
import time

loss, longest = float(sys.argv[1]), float(sys.argv[2])
size = 1024
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print("udp://127.0.0.1:%d" % server.getsockname()[1])
while True:
    data, client = server.recvfrom(size)
    message = data.decode()
    if message[0] == "C":
        size = int(message.split()[1])
        server.sendto(b"Buffer Size Calibrated at Server.", client)
    elif message == "exit":
        server.sendto(b"Stopping the Server.", client)
        break
    else:
        if random.random() < loss:
            continue
        time.sleep(random.uniform(min(0.0001, longest), longest))
        server.sendto(b"Packet Acknowledged", client)
server.close()
