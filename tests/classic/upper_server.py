"""Upper-case echo over UDP: answers every datagram with its text in upper case."""
import socket

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print("udp://127.0.0.1:%d" % server.getsockname()[1])
while True:
    message, client = server.recvfrom(2048)
    server.sendto(message.decode().upper().encode(), client)
