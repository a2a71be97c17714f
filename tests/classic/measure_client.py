"""Client of the measurement echo. Arguments: host, port, packets, interval in seconds, size."""
import socket
import sys
import time

server = (sys.argv[1], int(sys.argv[2]))
count, interval, size = int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.sendto(("C %d" % size).encode(), server)
print(client.recvfrom(1024)[0].decode())
times = []
for number in range(count):
    start = time.time()
    client.settimeout(interval)
    client.sendto(b"Hello Server", server)
    try:
        reply, _ = client.recvfrom(1024)
        rtt = time.time() - start
        times.append(rtt)
        print("%s RTT %.6f" % (reply.decode(), rtt))
        time.sleep(max(0, interval - rtt))
    except socket.timeout:
        print("lost")
client.settimeout(None)
client.sendto(b"exit", server)
print(client.recvfrom(1024)[0].decode())
print("answered %d loss %.1f" % (len(times), (count - len(times)) / count * 100))
