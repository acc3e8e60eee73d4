#!/usr/bin/env bash
# Empties the caches of names that this system keeps, and tells which there were.
set -u
flushed=0
if [ "$(uname -s)" = Darwin ]; then
  dscacheutil -flushcache && killall -HUP mDNSResponder && echo "The cache of macOS was emptied." && flushed=1
fi
if command -v resolvectl >/dev/null && resolvectl flush-caches 2>/dev/null; then echo "The cache of systemd-resolved was emptied."; flushed=1; fi
if command -v nscd >/dev/null && nscd -i hosts 2>/dev/null; then echo "The cache of nscd was emptied."; flushed=1; fi
if command -v sss_cache >/dev/null && sss_cache -E 2>/dev/null; then echo "The cache of SSSD was emptied."; flushed=1; fi
if command -v pkill >/dev/null && pkill -HUP -x dnsmasq; then echo "The cache of dnsmasq was emptied."; flushed=1; fi
[ $flushed = 1 ] || echo "Nothing on this system keeps a cache of names."
exit 0
