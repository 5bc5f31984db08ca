// The steps that come with the kit, in French and in English; the commands are the same.
import type { KitTarget } from '../../src/plugin.ts'

/** `www-data` is Debian's web server; the link makes Roundcube find the plugin where Debian keeps those of the machine. */
const install = `sudo install -d -m 0755 /usr/local/share/roundcube-schedar
sudo cp -r plugins/schedar /usr/local/share/roundcube-schedar/
sudo chmod -R u=rwX,go=rX /usr/local/share/roundcube-schedar
sudo ln -sfn /usr/local/share/roundcube-schedar/schedar /var/lib/roundcube/plugins/schedar
sudo install -o root -g www-data -m 0640 schedar.inc.php /etc/roundcube/schedar.inc.php`

const include = `grep -q schedar.inc.php /etc/roundcube/config.inc.php ||
  echo "include __DIR__ . '/schedar.inc.php';" | sudo tee -a /etc/roundcube/config.inc.php > /dev/null
php -l /etc/roundcube/config.inc.php`

const sh = (commands: string): string => `\`\`\`sh\n${commands}\n\`\`\``

export const lisezMoi = ({ associationName, url, issuer, client }: KitTarget): string => `\
# Se connecter à ${url} avec ${associationName}

Ces fichiers ont été faits par Schedar (${issuer}) pour le client \`${client.clientId}\`. \`schedar.inc.php\` contient un
secret : ne le montrez à personne. Tapez les commandes sur la machine de Roundcube, dans ce dossier.

## 1. Le plugin et ses réglages

${sh(install)}

## 2. La configuration de Roundcube le lit

${sh(include)}

Si la dernière ligne de \`config.inc.php\` est \`?>\`, retirez-la d'abord.

## 3. La preuve

Ouvrez ${url}/ : un bouton « Se connecter avec ${associationName} » vous mène à votre courrier.
Ce qui ne va pas s'écrit dans \`/var/log/roundcube/schedar.log\`.
`

export const readMe = ({ associationName, url, issuer, client }: KitTarget): string => `\
# Sign in to ${url} with ${associationName}

These files were made by Schedar (${issuer}) for the client \`${client.clientId}\`. \`schedar.inc.php\` holds a secret: show it to
nobody. Type the commands on the machine of Roundcube, in this folder.

## 1. The plugin and its settings

${sh(install)}

## 2. Roundcube's configuration reads them

${sh(include)}

If the last line of \`config.inc.php\` is \`?>\`, take it out first.

## 3. The proof

Open ${url}/: a button "Sign in with ${associationName}" leads to your mail. Whatever goes wrong is written to
\`/var/log/roundcube/schedar.log\`.
`
