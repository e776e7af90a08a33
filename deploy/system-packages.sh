#!/bin/sh
# Install the Debian packages that the platform needs and that are missing: Chromium with its driver, a Korean
# font, Node with npm, Python's venv. Uses apt as root or by password-less sudo; otherwise says once what to install.
# With `tests` as second argument also PostgreSQL, of which the tests start a server of their own; with `pictures`
# a font with emoji, for the README's pictures.
set -u
python=${1:-python3.11}
purpose=${2:-product}
missing=""
need() { missing="$missing $1"; }

{ command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null 2>&1 || need chromium
command -v chromedriver >/dev/null 2>&1 || need chromium-driver
if ! command -v fc-list >/dev/null 2>&1; then need fontconfig; need fonts-noto-cjk
elif [ -z "$(fc-list :lang=ko family)" ]; then need fonts-noto-cjk; fi
if ! command -v "$python" >/dev/null 2>&1; then
  echo "chat_platform needs Python 3.11 ($python was not found). Install it, or pass PYTHON=/path/to/python3.11." >&2
  exit 1
fi
command -v node >/dev/null 2>&1 || need nodejs
command -v npm >/dev/null 2>&1 || need npm
"$python" -c 'import ensurepip, venv' >/dev/null 2>&1 || need "python3-venv"
if [ "$purpose" = pictures ] && [ -z "$(fc-list :lang=und-zsye family)" ]; then need fonts-noto-color-emoji; fi
if [ "$purpose" = tests ] && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then need postgresql; fi

[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then run=""; elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then run="sudo"
else
  echo "These Debian packages are missing and cannot be installed without root:$missing" >&2
  echo "Please run: sudo apt-get install$missing" >&2
  exit 1
fi
echo "Installing Debian packages:$missing"
$run apt-get update -qq >/dev/null || exit 1
# shellcheck disable=SC2086 # the list is split on purpose
DEBIAN_FRONTEND=noninteractive $run apt-get install -y -qq --no-install-recommends $missing >/dev/null || {
  echo "apt-get could not install:$missing" >&2; exit 1; }
