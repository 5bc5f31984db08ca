// The page that comes with a site's mail kit: the commands to type, filled in.
import { SHARED_USER, SUBMITTERS } from './config.ts'
import type { Settings } from './kit.ts'

const shared = (s: Settings): string =>
  s.user === SHARED_USER
    ? `
> **This site is not protected.** \`${SHARED_USER}\` is the web server's own user. Every site that runs as it can read the login of
> ${s.site} and send with it: if one is taken over, the mail of all of them counts for ${s.site}, and stopping one stops nothing. Give the
> site a user and a php-fpm pool of its own, then make this kit again.
`
    : ''

/** Markdown. */
export const instructions = (s: Settings): string => `\
# The mail of ${s.site}

Made by Schedar (${s.issuer}) for ${s.associationName}. From now on the web forms of ${s.site} send with a login of the site's own, \`${s.site}\`:
their mail is counted as its member's, is stopped when there is too much of it, and each message names the script that
sent it. Run the commands on the machine of the site, in this folder. \`msmtp/${s.site}.conf\` holds the password: delete
this folder when all is done.
${shared(s)}
## 1. The login

\`\`\`sh
sudo apt-get install --no-install-recommends msmtp ca-certificates
sudo install -d -m 0755 ${s.folder}
sudo install -o ${s.user} -g ${s.group} -m 0600 msmtp/${s.site}.conf ${s.file}
\`\`\`

Where AppArmor confines msmtp (\`aa-status | grep msmtp\` names it):

\`\`\`sh
sudo install -m 0644 apparmor/msmtp /etc/apparmor.d/local/usr.bin.msmtp
sudo apparmor_parser -r /etc/apparmor.d/usr.bin.msmtp
\`\`\`

Does it work? With an address of yours:

\`\`\`sh
echo 'Subject: test' | sudo -u ${s.user} /usr/bin/msmtp -C ${s.file} you@example.org && echo sent
\`\`\`

## 2. PHP

Put the lines of \`php-fpm/${s.site}.conf\` into the site's own pool, whose \`user\` is \`${s.user}\`, and nobody else's; then
\`sudo systemctl reload 'php*-fpm.service'\`. Where PHP is a module of Apache, \`apache/${s.site}.conf\` goes into the site's \`<VirtualHost>\`, but only
with mpm-itk, which gives each site a user of its own. **Sites that share one user, such as \`${SHARED_USER}\`, are not
protected from each other**: a script of one reads the login of the other. \`schedar doctor\` names them.

PHP's \`mail()\` is \`false\` when the mail server refuses, and nothing is kept for later. A form must say so:

\`\`\`php
if (!mail($to, $subject, $text)) {
  http_response_code(503);
  echo 'Your message could not be sent. Please write to us by mail.';
}
\`\`\`

The sender (envelope) is \`${s.from}\` unless a script gives another one (\`-f\`): an address of ${s.site} or of its member. What a form
says in \`From:\` and \`Reply-To:\` stays as it is.

## 3. No other way out

Once for the machine, and again for each site. **sendmail(1)**, where this machine has Postfix: only the users on a list may
still use it. Who did lately is in the log: \`sudo grep -ohs 'postfix/pickup.*uid=[0-9]*' /var/log/mail.log /var/log/postfix.log | grep -o 'uid=.*' | sort | uniq -c\`. Those who are
no web sites (Sympa, the user of Dovecot's mailboxes for vacation answers, a backup, yourself) need a line of their own.

\`\`\`sh
[ -e /etc/postfix/${SUBMITTERS} ] || sudo install -m 0644 postfix/${SUBMITTERS} /etc/postfix/${SUBMITTERS}
sudo sed -i '/^${s.user}[[:space:]]/d' /etc/postfix/${SUBMITTERS}
sudo postconf -e 'authorized_submit_users = texthash:/etc/postfix/${SUBMITTERS}'
\`\`\`

**Port 25**: only Postfix (user \`${s.postfixUser}\`) and root reach it, on this machine and elsewhere. Other programs that speak SMTP
there (Sympa, Mailman) need their user in the braces of the file.

\`\`\`sh
sudo apt-get install --no-install-recommends nftables
sudo install -m 0644 nftables/schedar-port25.nft /etc/schedar-port25.nft
sudo nft -c -f /etc/schedar-port25.nft
sudo nft -f /etc/schedar-port25.nft
\`\`\`

To have it after a restart, put \`include "/etc/schedar-port25.nft"\` at the end of \`/etc/nftables.conf\`, and
\`systemctl enable nftables\`. A user in it that does not exist keeps the whole of \`nftables.conf\` from being loaded:
\`nft -c\` above says so.

## Stopping and renewing

A script of ${s.site} can read its login, as it can everything that is the site's: after a break-in, make this kit again
(\`schedar site mail-kit ${s.site} FOLDER --user ${s.user}\`); the former password is dead at once. \`schedar outgoing stop ${s.site}\` stops its mail,
\`schedar site mail-login ${s.site} --remove\` takes the login away.
`
