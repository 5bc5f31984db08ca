// The page that comes with Dovecot's kit: the commands to type, filled in.
import type { Settings } from './kit.ts'

const paths = ({ dovecotDir }: Settings, version: string, ext: string) => `\
sudo install -m 0644 ${version}/00-schedar.conf ${version}/99-schedar.conf ${dovecotDir}/conf.d/
sudo install -m 0600 ${ext} ${dovecotDir}/`

/** Markdown, without any secret. */
export const instructions = (s: Settings): string => `\
# Dovecot for ${s.associationName.replace(/\s+/g, ' ')}

These files were made by Schedar (${s.introspection.origin}) for the client \`${s.clientId}\`. The two \`.conf.ext\` files
hold secrets: do not mail them, do not put them under version control.

Run the commands on the machine of Dovecot, in this folder. \`dovecot --version\` says which of the two you have.

## 1. The folder of the refused

\`\`\`sh
sudo install -d -o ${s.user} -g ${s.group} -m 2750 ${s.folder} ${s.folder}/denied
\`\`\`

Schedar (user \`${s.user}\`) writes there, Dovecot (group \`${s.group}\`) reads, nobody else may look: a file name is the name
of a person who is refused.

## 2. The configuration

Dovecot 2.3 (Debian 12):

\`\`\`sh
${paths(s, 'dovecot-2.3', 'dovecot-2.3/schedar-oauth2.conf.ext dovecot-2.3/schedar-secrets.conf.ext')}
\`\`\`

Dovecot 2.4 (Debian 13):

\`\`\`sh
${paths(s, 'dovecot-2.4', 'dovecot-2.4/schedar-secrets.conf.ext')}
\`\`\`

Then, for both:

\`\`\`sh
sudo doveconf -n > /dev/null && sudo systemctl restart dovecot
\`\`\`

## 3. The proof

A refused login, with any password, must give \`code=user_disabled\`:

\`\`\`sh
echo 'nobody@schedar.invalid:' | sudo tee ${s.folder}/denied/nobody@schedar.invalid
sudo doveadm auth test nobody@schedar.invalid x
sudo rm ${s.folder}/denied/nobody@schedar.invalid
\`\`\`

And Schedar must reach Dovecot:

\`\`\`sh
schedar services check
\`\`\`
`
