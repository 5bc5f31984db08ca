// A site's contact form in PHP, and what its mail kit says to install on the machine of the forms.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { shellBlocks } from './dovecot.ts'
import type { Postfix } from './postfix.ts'

/** Sends what it is asked to; a script may not choose another program to send with. */
export const FORM = `<?php
$extra = isset($_GET['f']) ? '-f' . $_GET['f'] : '';
ini_set('sendmail_path', '/bin/true');
$sent = mail($_GET['to'], $_GET['subject'], "Bonjour\\n", $_GET['headers'] ?? '', $extra);
echo $sent ? 'sent' : 'Your message could not be sent. Please write to us by mail.';
`

/** The blocks of the kit's README that are commands, without what is the machine's own. */
export async function installMailKit(kit: string, postfix: Postfix, folder: string): Promise<void> {
  const readme = await readFile(join(kit, 'README.md'), 'utf8')
  const script = shellBlocks(readme)
    .join('\n')
    .replace(/^.*(?:apt-get|apparmor|sudo nft|you@example\.org).*$/gm, '')
    .replaceAll('sudo ', '')
    .replaceAll('/etc/postfix/', `${postfix.config.configDir}/`)
    .replaceAll('postconf -e', `postconf -c ${postfix.config.configDir} -e`)
    .replaceAll('/etc/schedar-port25.nft', join(folder, 'port25.nft'))
  await promisify(execFile)('sh', ['-ec', script], { cwd: kit })
}
