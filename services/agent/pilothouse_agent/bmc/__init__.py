"""The node's management controller (BMC), asked through the kernel's driver: no process is started."""
