"""Month service over UDP."""
import calendar
import socket

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print("udp://127.0.0.1:%d" % server.getsockname()[1])
known = set()
while True:
    data, client = server.recvfrom(1024)
    if client not in known:
        known.add(client)
        server.sendto(b"\nType an integer from 1 to 12 and get the name of the month.\n", client)
        continue
    number = int(data.decode())
    if number == 0:
        known.discard(client)
        server.sendto(b"Bye", client)
    else:
        server.sendto(calendar.month_name[number].encode(), client)
