"""What somebody who can't sit at the device asks first: system, load, memory, disks, network, processes, failures. Changes nothing."""
import os
import platform
import shutil
import socket
import subprocess
import sys

TOP = int(os.environ.get("PARAM_TOP", "10"))
WINDOWS = sys.platform == "win32"


def section(title):
    print(f"\n== {title}")


def tell(*command, lines=40):
    """A program's first lines; what is not installed is passed over."""
    if shutil.which(command[0]) is None:
        return
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"{command[0]}: {error}")
        return
    written = (done.stdout or done.stderr).splitlines()
    print("\n".join(written[:lines]))
    if len(written) > lines:
        print(f"({len(written) - lines} more lines)")


def powershell(text, lines=40):
    tell("powershell", "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", text, lines=lines)


print(f"{socket.gethostname()}: {platform.platform()}, Python {platform.python_version()}")
if hasattr(os, "getloadavg"):
    print("Load:", " ".join(f"{value:.2f}" for value in os.getloadavg()), f"on {os.cpu_count()} processors")

section("Memory")
if os.path.exists("/proc/meminfo"):
    wanted = ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")
    with open("/proc/meminfo", encoding="ascii") as file:
        print("".join(line for line in file if line.startswith(wanted)), end="")
elif WINDOWS:
    powershell("Get-CimInstance Win32_OperatingSystem | Format-List TotalVisibleMemorySize, FreePhysicalMemory, LastBootUpTime")
else:
    tell("vm_stat")

section("Disks")
if WINDOWS:
    powershell("Get-Volume | Format-Table -AutoSize")
else:
    tell("df", "-hP")

section("Network")
if WINDOWS:
    tell("ipconfig", "/all", lines=60)
elif sys.platform == "darwin":
    tell("ifconfig", lines=60)
else:
    tell("ip", "-brief", "address")
    tell("ip", "route")
for name in ("localhost", "example.com"):
    try:
        print(f"{name} is {socket.gethostbyname(name)}")
    except OSError as error:
        print(f"{name} can not be resolved: {error}")

section(f"The {TOP} processes with the most memory")
if WINDOWS:
    powershell(f"Get-Process | Sort-Object WorkingSet64 -Descending | Select-Object -First {TOP} Id, ProcessName, WorkingSet64, CPU | Format-Table -AutoSize")
elif sys.platform == "darwin":
    tell("ps", "-axm", "-o", "pid,user,%cpu,%mem,comm", lines=TOP + 1)
else:
    tell("ps", "-eo", "pid,user,%cpu,%mem,comm", "--sort=-rss", lines=TOP + 1)

section("What failed")
if WINDOWS:
    powershell("Get-Service | Where-Object { $_.StartType -eq 'Automatic' -and $_.Status -ne 'Running' } | Format-Table -AutoSize Name, DisplayName")
    powershell("Get-WinEvent -FilterHashtable @{ LogName = 'System'; Level = 1, 2 } -MaxEvents 10 | Format-List TimeCreated, ProviderName, Message")
elif os.path.isdir("/run/systemd/system"):
    tell("systemctl", "--failed", "--no-legend", "--plain")
    tell("journalctl", "-p", "err", "-n", "15", "--no-pager", "-o", "short-iso")
elif sys.platform == "darwin":
    tell("launchctl", "list", lines=20)
else:
    print("No service manager that keeps what failed.")
