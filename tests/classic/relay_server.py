"""Message relay over UDP: passes texts on between clients, which it does not know."""
import socket

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print("udp://127.0.0.1:%d" % server.getsockname()[1])
while True:
    data, client = server.recvfrom(1024)
    message = data.decode()
    if message.lower() == "hii":
        server.sendto(str(client).encode(), client)
        continue
    if message == "exit server":
        break
    if ";" not in message:
        server.sendto(b"400", client)
        continue
    header, body = message.split(";", 1)
    if header.count(":") != 1 or header.count("/") != 1 or body.count(":") != 1:
        server.sendto(b"401", client)
        continue
    keyword, address = header.split(":")
    if keyword.strip().lower() != "to":
        server.sendto(b"402", client)
        continue
    ip, port = address.split("/")
    try:
        port = int(port)
    except ValueError:
        server.sendto(b"403", client)
        continue
    keyword, content = body.split(":")
    if keyword.strip().lower() != "content":
        server.sendto(b"404", client)
        continue
    delivery = "%s/%d ; content : %s" % (client[0], client[1], content.strip())
    try:
        server.sendto(delivery.encode(), (ip.strip(), port))
    except (OSError, OverflowError):
        server.sendto(b"405, Could not send the message to the requested address", client)
        continue
    server.sendto(b"200, UDP Packet Sent Successfully", client)
server.close()
