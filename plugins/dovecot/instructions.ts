// The page that comes with Dovecot's kit: the commands to type, filled in.
import type { Settings } from './kit.ts'

const install = ({ dovecotDir }: Settings, version: string, ...secret: string[]) => `\
sudo install -m 0644 ${version}/00-schedar.conf ${version}/99-schedar.conf ${dovecotDir}/conf.d/
sudo install -m 0600 ${secret.map((file) => `${version}/${file}`).join(' ')} ${dovecotDir}/`

const sh = (commands: string) => `\`\`\`sh\n${commands}\n\`\`\`\n`

const mailboxes = ({ mailUser, mailRoot }: Settings) =>
  mailUser === undefined
    ? ''
    : `
## 3. Whose the mail is

Mailboxes are in \`${mailRoot}\` and belong to one user, who signs in nowhere:

${sh(`id ${mailUser} > /dev/null 2>&1 || sudo useradd --uid 5000 --user-group --home-dir ${mailRoot} --no-create-home --shell /usr/sbin/nologin ${mailUser}
sudo install -d -o ${mailUser} -g ${mailUser} -m 0770 ${mailRoot}`)}`

const former = ({ former: whose }: Settings) =>
  whose === 'everybody'
    ? `The passdb that Dovecot had before is asked after Schedar's, for everybody. When everyone has moved, make the kit again with
\`--set former=listed\`.`
    : `The passdb that Dovecot had before is asked only for mailboxes whose former password still counts in Schedar. If people
have mailboxes here that Schedar does not know yet, make the kit with \`--set former=everybody\` first.`

/** Markdown, without any secret. */
export const instructions = (s: Settings): string => `\
# Dovecot for ${s.associationName.replace(/\s+/g, ' ')}

These files were made by Schedar (${s.introspection.origin}) for the client \`${s.clientId}\`. The \`.conf.ext\` files
hold secrets: do not mail them, do not put them under version control.

Run the commands on the machine of Dovecot, in this folder. \`dovecot --version\` says which of the two you have.

## 1. The folder

${sh(`sudo install -d -o ${s.user} -g ${s.group} -m 2750 ${s.folder} ${s.folder}/denied ${s.folder}/logins ${s.folder}/mailboxes`)}
Schedar (user \`${s.user}\`) writes there, Dovecot (group \`${s.group}\`) reads, nobody else may look: it says who is refused, and
holds digests of app passwords.

## 2. The configuration

${former(s)}

Dovecot 2.3 (Debian 12):

${sh(install(s, 'dovecot-2.3', 'schedar-oauth2.conf.ext', 'schedar-secrets.conf.ext'))}
Dovecot 2.4 (Debian 13):

${sh(install(s, 'dovecot-2.4', 'schedar-secrets.conf.ext'))}
With filters (the package dovecot-sieve), from the folder of your version:

${sh(`sudo install -m 0644 dovecot-2.3/99-schedar.sieve.conf ${s.dovecotDir}/conf.d/`)}
The two sockets for Postfix come with Postfix's own kit (\`schedar kit\` of a client of the kind \`postfix\`), and stand in its file alone.
${mailboxes(s)}
## 4. Restart

${sh(`sudo doveconf -n > /dev/null && sudo systemctl restart dovecot
sudo systemctl restart schedar`)}
## 5. The proof

A refused login, with any password, must give \`code=user_disabled\`:

${sh(`echo 'nobody@schedar.invalid:' | sudo tee ${s.folder}/denied/nobody@schedar.invalid
sudo doveadm auth test nobody@schedar.invalid x
sudo rm ${s.folder}/denied/nobody@schedar.invalid`)}
And Schedar must reach Dovecot:

${sh('schedar services check')}`
