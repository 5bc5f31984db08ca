// The helper that has Sympa read its members anew: a script of three verbs behind a socket that only Schedar's user may open.
// systemd starts it for each request as Sympa's own user, so nothing here is root.
import { socketUnit } from '../../src/plugin-kit.ts'

/** `configFile` is a plain path: it stands in the script as it is. */
export const helperScript = (configFile: string): string => `\
#!/bin/sh
# schedar-sympa: what Schedar may have this Sympa do. On standard input: one of check, include, remove, then the address of a
# list, then for remove addresses, a line each. The last line of the answer is "schedar-sympa: done", or says what is wrong.
set -u
PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C.UTF-8
SYMPA_CONFIG=${configFile}
export PATH LC_ALL SYMPA_CONFIG

refuse() {
  echo "schedar-sympa: refused: $1"
  exit 64
}

# Never an option, never a path, never a comment.
is_address() {
  case $1 in [!!-~]* | -* | \\#* | *[!!-~]* | *@*@* | @* | *@) return 1 ;; *@*) return 0 ;; esac
  return 1
}
is_list() {
  case $1 in [!a-z0-9]* | *[!a-z0-9.@_+-]*) return 1 ;; esac
  is_address "$1"
}

IFS= read -r verb || refuse 'no verb'
IFS= read -r list || refuse 'no list'
is_list "$list" || refuse 'that is no address of a list'
addresses=
while IFS= read -r address; do
  is_address "$address" || refuse 'that is no address'
  addresses="$addresses$address
"
done

case $verb in
  # The members that review lists are nobody's business here.
  check) sympa review --lang=en "$list" 2>&1 > /dev/null ;;
  # Sympa dates whom it includes in whole seconds, and expires those of an earlier second than this one: if another
  # inclusion ended in the second in which this one begins, whoever left in between would stay.
  include)
    sleep "$(awk -v ns="$(date +%N)" 'BEGIN { print 1.001 - ns / 1000000000 }')"
    sympa include --lang=en "$list" 2>&1
    ;;
  remove) printf %s "$addresses" | sympa del --lang=en --force --quiet "$list" 2>&1 ;;
  *) refuse 'unknown verb' ;;
esac
code=$?
if [ "$code" -eq 0 ]; then echo 'schedar-sympa: done'; else echo "schedar-sympa: exit code $code"; fi
exit "$code"
`

export const helperSocket = (path: string, user: string): string =>
  socketUnit({ name: 'schedar-sympa', description: "Members of Sympa's lists, for Schedar", path, user })

export const helperService = (): string => `\
# /etc/systemd/system/schedar-sympa@.service
[Unit]
Description=Members of Sympa's lists, for Schedar

[Service]
ExecStart=-/usr/local/sbin/schedar-sympa
User=sympa
Group=sympa
StandardInput=socket
StandardOutput=socket
StandardError=journal
RuntimeMaxSec=120
NoNewPrivileges=yes
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
`
