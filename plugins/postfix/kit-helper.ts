// The helper that works on Postfix's queue as root: a script of five verbs behind a socket that only Schedar's user may
// open. systemd starts it for each request, outside the sandbox that Schedar itself runs in.
import { socketUnit } from '../../src/plugin-kit.ts'

/** `configDir` is a plain path: it stands in the script as it is. */
export const helperScript = (configDir: string): string => `\
#!/bin/sh
# schedar-postsuper: what Schedar, which is not root, may do to the queue of this Postfix. On standard input: one of
# list, hold, release, purge, headers, then queue ids, a line each. The last line of the answer is
# "schedar-postsuper: done", or says what is wrong.
set -u
PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
unset MAIL_CONFIG
config=${configDir}

refuse() {
  echo "schedar-postsuper: refused: $1"
  exit 64
}

finish() {
  if [ "$1" -eq 0 ]; then echo 'schedar-postsuper: done'; else echo "schedar-postsuper: exit code $1"; fi
  exit "$1"
}

# Letters and digits, from 6 to 30: never ALL, never an option, never a path.
is_queue_id() {
  case $1 in *[!0-9A-Za-z]*) return 1 ;; esac
  [ "\${#1}" -ge 6 ] && [ "\${#1}" -le 30 ]
}

IFS= read -r verb || refuse 'no verb'
ids=
count=0
while IFS= read -r id; do
  is_queue_id "$id" || refuse 'that is no queue id'
  count=$((count + 1))
  [ "$count" -le 100000 ] || refuse 'too many queue ids'
  ids="$ids$id
"
done

flush() {
  if [ "$count" -gt 20 ]; then postqueue -c "$config" -f; return; fi
  for id in $ids; do postqueue -c "$config" -i "$id"; done
}

case $verb in
  list) postqueue -c "$config" -j 2>&1 ;;
  hold) printf %s "$ids" | postsuper -c "$config" -h - 2>&1 ;;
  purge) printf %s "$ids" | postsuper -c "$config" -d - 2>&1 ;;
  # What is let go is tried at once; while Postfix is down, when it is up again.
  release) printf %s "$ids" | postsuper -c "$config" -H - 2>&1 && { flush > /dev/null 2>&1 || true; } ;;
  # The header of one message, never its body.
  headers) [ "$count" -eq 1 ] || refuse 'headers of one message'
    postcat -c "$config" -hq "\${ids%?}" 2> /dev/null ;;
  *) refuse 'unknown verb' ;;
esac
finish $?
`

export const helperSocket = (path: string, user: string): string =>
  socketUnit({ name: 'schedar-postsuper', description: "Postfix's queue for Schedar", path, user })

export const helperService = (): string => `\
# /etc/systemd/system/schedar-postsuper@.service
[Unit]
Description=Postfix's queue for Schedar

[Service]
ExecStart=-/usr/local/sbin/schedar-postsuper
StandardInput=socket
StandardOutput=socket
StandardError=journal
RuntimeMaxSec=60
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
`
