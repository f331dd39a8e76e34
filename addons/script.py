"""For mitmproxy's own tools: `mitmdump -s addons/script.py --set grantproxy_config=grantproxy.yaml`."""

from proxy.stock_tools import addons

__all__ = ["addons"]
