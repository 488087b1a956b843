"""A driver in a process of its own, to be killed: python agent_process.py PORT CA_FILE PASSWORD_FILE."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from integration.drivers.broker import Broker
from integration.drivers.mqtt.house import connection, make_driver

LONGEST_S = 60.0

if __name__ == "__main__":
    port, ca_file, password_file = sys.argv[1:]
    broker = Broker(Path(ca_file).parent, int(port), Path(ca_file), {"ondol-house": Path(password_file).read_text()})
    driver = make_driver(connection(broker))
    driver.open()
    time.sleep(LONGEST_S)
    driver.close()
