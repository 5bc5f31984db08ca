// SPIP sites sign in with Schedar through a plugin of SPIP's own (./schedar/, PHP, GPL-3.0-or-later). This side fills
// in its settings; nothing is driven from here, the site asks, and is told of sign-outs and of lowered roles.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AppError } from '../../src/domain/errors.ts'
import { definePlugin, type KitFile, type KitTarget } from '../../src/plugin.ts'
import { filesUnder, mustComeBackTo, phpString, yesNo } from '../../src/plugin-kit.ts'
import { lisezMoi, readMe } from './read-me.ts'

const here = fileURLToPath(new URL('.', import.meta.url))

const REDIRECT = '/spip.php?action=schedar_retour'
const LOGOUT = '/spip.php?action=schedar_fin'
const STATUS = '/spip.php?action=schedar_statut'

/** No longer than Schedar's own session (`session.idleSeconds`, 14 days by default). */
const LONGEST_SESSION_HOURS = 24 * 14
type Settings = { singleDoor: boolean; linkByEmail: boolean; sessionHours: number }

function settings({ single_door, link_by_email, session_hours = '24', ...others }: Record<string, string>): Settings {
  const [unknown] = Object.keys(others)
  if (unknown) throw new AppError('invalid_value', { field: unknown, detail: `the SPIP kit has no setting ${unknown}` })
  const sessionHours = Number(session_hours)
  // A sign-in of ours that nobody used for so long is forgotten, and with it whom to tell of a suspension.
  if (!Number.isInteger(sessionHours) || sessionHours < 1 || sessionHours > LONGEST_SESSION_HOURS)
    throw new AppError('invalid_value', {
      field: 'session_hours',
      detail: `session_hours is between 1 and ${LONGEST_SESSION_HOURS}`,
    })
  return {
    singleDoor: yesNo('single_door', single_door),
    linkByEmail: yesNo('link_by_email', link_by_email),
    sessionHours,
  }
}

function settingsFile(
  { issuer, associationName, url, client }: KitTarget,
  { singleDoor, linkByEmail, sessionHours }: Settings,
): string {
  return `<?php
// Réglages du plugin Schedar / settings of the Schedar plugin. Ce fichier contient un secret : ne le montrez à personne.
// This file holds a secret: show it to nobody. The plugin reads it by itself.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

// Où l'on se connecte, et sous quel nom ce site y est connu / where people sign in, and the name of this site there.
define('_SCHEDAR_EMETTEUR', ${phpString(issuer)});
define('_SCHEDAR_CLIENT', ${phpString(client.clientId)});
define('_SCHEDAR_SECRET', ${phpString(client.clientSecret)});

// L'adresse de ce site, sans barre à la fin / the address of this site, without a slash at the end.
define('_SCHEDAR_SITE', ${phpString(url)});

// Le nom sur le bouton / the name on the button.
define('_SCHEDAR_NOM', ${phpString(associationName)});

// true : plus aucun mot de passe local, même pour le webmestre / no local password any more, not even the webmaster's.
define('_SCHEDAR_SEUL', ${singleDoor});

// true : un auteur local qui a la même adresse, vérifiée, est repris à la première connexion, et son mot de passe effacé.
// true: a local author with the same, verified, address is taken over at the first sign-in; its password is erased.
define('_SCHEDAR_RATTACHER', ${linkByEmail});

// Secondes avant que le site redemande à Schedar / seconds before the site asks Schedar again.
define('_SCHEDAR_DUREE', ${sessionHours * 3600});
`
}

/** The plugin's own files as they are in the repository, with what it shares with other applications in PHP. */
async function pluginFiles(): Promise<KitFile[]> {
  const into = 'plugins/schedar'
  return [
    { path: `${into}/LICENSE`, content: await readFile(join(here, 'LICENSE'), 'utf8') },
    ...(await filesUnder(join(here, 'schedar'), into)),
    ...(await filesUnder(join(here, '../php'), `${into}/inc`)),
  ]
}

export default definePlugin({
  summary: 'SPIP sites: sign-in, roles and sign-out through a plugin of SPIP; authors arrive by themselves.',
  selfService: true,

  client: (url) => ({
    redirectUris: [`${url}${REDIRECT}`],
    postLogoutRedirectUris: [`${url}/`],
    backchannelLogoutUri: `${url}${LOGOUT}`,
    statusUri: `${url}${STATUS}`,
    signInUri: () => `${url}/spip.php?action=schedar`,
    tokenEndpointAuthMethod: 'client_secret_basic',
    roles: ['webmestre', 'admin', 'redacteur', 'visiteur'],
    rolesOfAffiliation: { owner: 'webmestre', admin: 'webmestre', technical: 'webmestre', user: 'redacteur' },
  }),

  kit: async (target) => {
    mustComeBackTo(target, REDIRECT)
    const chosen = settings(target.options)
    return [
      ...(await pluginFiles()),
      { path: 'config/schedar.php', content: settingsFile(target, chosen), secret: true },
      { path: 'LISEZMOI.txt', content: lisezMoi(target) },
      { path: 'README.txt', content: readMe(target) },
    ]
  },
})
