"""Upper-case echo over TCP: answers one read of a connection with its text in upper case, and closes it."""
import socket

server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.bind(("127.0.0.1", 0))
server.listen(1)
print("tcp://127.0.0.1:%d" % server.getsockname()[1])
while True:
    connection, _ = server.accept()
    sentence = connection.recv(1024).decode()
    connection.send(sentence.upper().encode())
    connection.close()
