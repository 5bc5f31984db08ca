// The page that comes with Sympa's kit: the commands to type, filled in.
import type { SympaConfig } from './config.ts'
import type { Settings } from './kit.ts'

/** A list without members. */
export const EMPTY = 'members.empty'
/** The lines for a list's configuration. */
export const configOf = (list: string): string => `lists/${list.replace(/[^a-z0-9._-]/g, '.')}`

const HELPER = '/usr/local/sbin/schedar-sympa'

const helperSteps = (socket: string | undefined): string =>
  socket === undefined
    ? `Schedar runs Sympa's command itself and must run as root. To run it as another user, set
\`helper: /run/schedar-sympa.sock\` in schedar.yaml and make this kit again.`
    : `Schedar is not root. Through a script of ${HELPER}, which systemd starts as Sympa's own user on the socket ${socket},
it may have Sympa read a list's members again and take an address off a list:

\`\`\`sh
sudo install -m 0755 helper/schedar-sympa ${HELPER}
sudo install -m 0644 helper/schedar-sympa.socket /etc/systemd/system/
sudo install -m 0644 helper/schedar-sympa.service /etc/systemd/system/schedar-sympa@.service
sudo systemctl daemon-reload
sudo systemctl enable --now schedar-sympa.socket
\`\`\``

type Following = { service: SympaConfig; user: string; lists: readonly string[] }

export const listSteps = ({ service, user, lists }: Following): string => `
## 3. The files of members

\`\`\`sh
sudo install -d -o ${user} -g sympa -m 2750 ${service.folder}
for list in ${lists.join(' ')}; do
  [ -e ${service.folder}/$list ] || sudo install -o ${user} -g sympa -m 0640 ${EMPTY} ${service.folder}/$list
done
\`\`\`

Schedar (user \`${user}\`) writes there, Sympa (group \`sympa\`) reads. It knows the lists and the folder from its next start on:

\`\`\`sh
sudo systemctl restart schedar
\`\`\`

## 4. The helper

${helperSteps(service.helper)}

## 5. The lists

Make the lists in Sympa if they are not there yet: sign in as listmaster, « Request a List ». Then fill the files, and look at what they hold before a list follows them:

\`\`\`sh
schedar services apply sympa
\`\`\`

It says that the lists do not follow Schedar yet: that is the next step, once for each list. (Lists of a domain of their own are
in \`/var/lib/sympa/list_data/DOMAIN/\`.)

\`\`\`sh
${lists.map((list) => `sudo -u sympa tee -a /var/lib/sympa/list_data/${list.split('@')[0]}/config < ${configOf(list)}`).join('\n')}
\`\`\`

\`\`\`sh
schedar services check
schedar services apply sympa
\`\`\`
`

/** Markdown. */
export const readMe = (s: Settings, apache: string, lists: string): string => `\
# Sympa with ${s.filling.associationName}

These files were made by Schedar (${s.filling.issuer}) for the client \`${s.filling.clientId}\`. Run the commands on the machine
of Sympa, in this folder.

## 1. Apache

\`\`\`sh
sudo -s
   ${apache}
\`\`\`

Debian's package serves Sympa's pages under every name and port of this Apache, also where nobody asks Schedar: past a suspension.
They belong into one \`<VirtualHost *:443>\`, the one whose \`ServerName\` is that of ${s.filling.url}, with these two lines in this order:

\`\`\`
Include /etc/apache2/conf-available/sympa.conf
Include ${s.filling.dir}/${s.filling.name}.conf
\`\`\`

\`\`\`sh
sudo a2disconf -q sympa
sudo apache2ctl configtest && sudo systemctl reload apache2
\`\`\`

## 2. Sympa's own sign-in

\`\`\`sh
sudo cp -p /etc/sympa/auth.conf /etc/sympa/auth.conf.before
sudo install -o sympa -g sympa -m 0640 auth.conf /etc/sympa/auth.conf
sudo systemctl restart wwsympa
\`\`\`

From now on nobody signs in to Sympa with a password of Sympa's own.
${lists}`
