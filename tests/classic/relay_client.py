"""Client of the message relay, with a menu of five choices. It takes the next datagram for the answer to what it sent."""
import socket
import sys

server = (sys.argv[1], int(sys.argv[2]))
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    print("1. My address  2. Send a message  3. Receive a message  4. Stop the server  5. Quit")
    choice = input()
    if choice == "1":
        client.sendto(b"hii", server)
        print(client.recvfrom(1024)[0].decode())
    elif choice == "2":
        ip = input("IP: ")
        port = input("Port: ")
        content = input("Message: ")
        client.sendto(("to : %s / %s ; content : %s" % (ip, port, content)).encode(), server)
        print(client.recvfrom(1024)[0].decode())
    elif choice == "3":
        print(client.recvfrom(1024)[0].decode())
    elif choice == "4":
        client.sendto(b"exit server", server)
    elif choice == "5":
        break
client.close()
