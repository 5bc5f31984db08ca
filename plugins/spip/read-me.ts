// The three steps that come with the kit, in French for the person who looks after the site, and in English.
import type { KitTarget } from '../../src/plugin.ts'

export const lisezMoi = ({
  associationName,
  url,
  issuer,
}: KitTarget): string => `Se connecter à ${url} avec ${associationName}
${'='.repeat(72)}

1. Copiez les dossiers « plugins » et « config » de ce kit à la racine de votre site SPIP (par FTP, par exemple).
   Les fichiers s'ajoutent aux vôtres ; aucun des vôtres n'est remplacé.
   Le fichier config/schedar.php contient un secret : le serveur web doit pouvoir le lire, et personne d'autre.
   Sur une machine Debian :   chown www-data: config/schedar.php && chmod 600 config/schedar.php

2. Dans l'espace privé, connecté avec votre mot de passe de webmestre : Configuration > Gestion des plugins,
   onglet « Inactifs », « Connexion par Schedar » : Activer.

3. Déconnectez-vous, ouvrez ${url}/ecrire/ et suivez le bouton
   « Se connecter avec ${associationName} ». Vous arrivez comme un nouvel auteur : le rôle que vous avez sur ce site
   se donne chez ${associationName} (${issuer}).

Vous aviez déjà un auteur sur ce site ? Un webmestre ouvre la page de cet auteur et choisit, sous « Compte
${associationName} », l'auteur que votre première connexion a créé.

Une fois que tout va, vous pouvez fermer les mots de passe locaux : _SCHEDAR_SEUL à true dans config/schedar.php.
Pour revenir en arrière, remettez false. Configuration > Connexion par Schedar montre l'état et essaie la connexion ; ce qui ne
va pas s'écrit dans tmp/log/schedar.log.
`

export const readMe = ({
  associationName,
  url,
  issuer,
}: KitTarget): string => `Sign in to ${url} with ${associationName}
${'='.repeat(72)}

1. Copy the folders "plugins" and "config" of this kit to the root of your SPIP site (by FTP, for instance).
   They add to your files; none of yours is replaced.
   The file config/schedar.php holds a secret: the web server must be able to read it, and nobody else.
   On a Debian machine:   chown www-data: config/schedar.php && chmod 600 config/schedar.php

2. In the private area, signed in with your webmaster's password: Configuration > Plugins Management,
   tab "Inactive", "Sign-in with Schedar": Activate.

3. Sign out, open ${url}/ecrire/ and follow the button "Sign in with ${associationName}". You arrive as a new author:
   your role on this site is given at ${associationName} (${issuer}).

Did you have an author on this site already? A webmaster opens that author's page and chooses, under "${associationName}
account", the author that your first sign-in created.

Once all is well you can close the local passwords: set _SCHEDAR_SEUL to true in config/schedar.php. To go back, set it
to false. Configuration > Sign-in with Schedar shows the state and tests the connection; whatever goes wrong is written to
tmp/log/schedar.log.
`
