// The page that comes with Postfix's kit: the commands to type, filled in.
import type { Settings } from './kit.ts'

const HELPER = '/usr/local/sbin/schedar-postsuper'
/** Every map: Postfix takes no mail while one that it is told of is missing. */
const MAPS = ['refused', 'mailboxes', 'aliases', 'senders', 'domains', 'incoming'] as const

const helper = (s: Settings): string =>
  s.service.helper === undefined
    ? `Schedar works on the queue with Postfix's own commands and must run as root. To run it as another user, set
\`helper: /run/schedar-postsuper.sock\` in schedar.yaml and make this kit again.`
    : `Schedar is not root. It may list the queue, hold, release and throw away messages, and read the header of one, through a
script of ${HELPER} that systemd starts on the socket ${s.service.helper}:

\`\`\`sh
sudo install -m 0755 helper/schedar-postsuper ${HELPER}
sudo install -m 0644 helper/schedar-postsuper.socket /etc/systemd/system/
sudo install -m 0644 helper/schedar-postsuper.service /etc/systemd/system/schedar-postsuper@.service
sudo systemctl daemon-reload
sudo systemctl enable --now schedar-postsuper.socket
\`\`\``

/** Markdown. */
export const instructions = (s: Settings): string => {
  const { folder, configDir } = s.service
  return `\
# Postfix for ${s.associationName}

These files were made by Schedar (${s.issuer}) for the client \`${s.clientId}\`. Run the commands on the machine of Postfix, in
this folder.

## 1. The configuration

Every Postfix:

\`\`\`sh
grep -v '^#' main.cf.both | sudo xargs -d '\\n' postconf -c ${configDir} -e
sudo xargs -d '\\n' -a master.cf.services postconf -c ${configDir} -M -e
sudo xargs -d '\\n' -a master.cf.parameters postconf -c ${configDir} -P -e
\`\`\`

A Postfix that did nothing before:

\`\`\`sh
grep -v '^#' main.cf.fresh | sudo xargs -d '\\n' postconf -c ${configDir} -e
\`\`\`

A Postfix that has mailboxes of its own: leave \`main.cf.fresh\` where it is and add what you need of it by hand. A setting
that is a list keeps what you have, with Schedar's map in front: \`virtual_mailbox_maps = lmdb:${folder}/mailboxes, …\`. A
domain stands in \`mydestination\` or in \`virtual_mailbox_domains\`, never in both.

## 2. The maps

\`\`\`sh
sudo install -d -o ${s.user} -g ${s.group} -m 2750 ${folder}
sudo install -d -o ${s.user} -g ${s.group} -m 0700 ${folder}/held
for map in ${MAPS.join(' ')}; do
  [ -e ${folder}/$map ] || sudo install -o ${s.user} -g ${s.group} -m 0640 /dev/null ${folder}/$map
  [ -e ${folder}/$map.lmdb ] || sudo postmap -c ${configDir} lmdb:${folder}/$map
done
\`\`\`

Schedar (user \`${s.user}\`) writes there, Postfix (group \`${s.group}\`) reads. Lines of your own in these files stay, outside
Schedar's two marks; afterwards \`postmap lmdb:${folder}/NAME\`.

## 3. The log

\`\`\`sh
[ -e ${s.mailLog} ] || sudo install -o postfix -g ${s.user} -m 0640 /dev/null ${s.mailLog}
sudo install -m 0644 logrotate/schedar-postfix /etc/logrotate.d/schedar-postfix
\`\`\`

It is Postfix's own user's: while Postfix is down, \`postsuper\` writes there as that user, and ends where it cannot.

## 4. Dovecot

Its two sockets for Postfix, which stand in no other file of Schedar's:

\`\`\`sh
sudo install -m 0644 dovecot/95-schedar-postfix.conf ${s.dovecot_dir}/conf.d/
\`\`\`

## 5. The queue

${helper(s)}

## 6. Starting

\`\`\`sh
sudo postfix -c ${configDir} check
sudo systemctl restart dovecot postfix
sudo systemctl restart schedar
schedar services check
\`\`\`

Schedar listens at ${s.service.policy} from then on, and its own letters go in at ${s.letters}, where nobody else's do. In
schedar.yaml:

\`\`\`yaml
mail:
  url: smtp://${s.letters}
\`\`\`
`
}
