<?php
// This is a SPIP language file  --  Ceci est un fichier langue de SPIP

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

return [
	// B
	'bouton' => 'Sign in with @nom@',

	// C
	'configurer_titre' => 'Sign-in with Schedar',

	// E
	'essai_adresse' => 'The address of this site',
	'essai_adresse_non' => '@nom@ does not know this address for this client: the site has moved, or the client is another site’s. Have this site registered at its address, then copy the new config/schedar.php.',
	'essai_bon' => 'In order.',
	'essai_bouton' => 'Test the connection',
	'essai_cles' => 'Its keys',
	'essai_cles_non' => 'No key that can be used is published. Tell the volunteers of @nom@.',
	'essai_echec' => 'Something is wrong: the first line that says so is the one to mend.',
	'essai_explication' => 'The button asks @nom@ what a sign-in asks: whether it answers, whether the clocks agree, whether keys, client, secret and the address of this site are right. Nothing is changed.',
	'essai_horloge' => 'The clocks',
	'essai_horloge_non' => 'The clocks of this site and of @nom@ do not agree. Have the wrong one set (NTP).',
	'essai_reglages' => 'The settings',
	'essai_reglages_non' => 'The settings cannot be used.',
	'essai_repond' => 'The answer of @nom@',
	'essai_repond_non' => '@nom@ does not answer at this address, or answers in another’s name. Check firewall and certificates of this site’s machine.',
	'essai_reussi' => 'All is in order: people can sign in.',
	'essai_secret' => 'The client and its secret',
	'essai_secret_non' => '@nom@ does not recognise this client or its secret. Copy config/schedar.php once more.',
	'essai_titre' => 'What the test found',
	'etat_a_voir' => '(to be looked at)',
	'etat_auteurs' => 'Authors who sign in this way',
	'etat_cles' => 'Known keys',
	'etat_client' => 'Client (client_id)',
	'etat_courriel' => 'Authors linked by verified address',
	'etat_duree' => 'Length of a session',
	'etat_emetteur' => 'Issuer',
	'etat_fin' => 'Last logout token received',
	'etat_legende' => 'The settings, and what the site has received',
	'etat_ou' => 'The settings are in config/schedar.php, with the secret, which is shown nowhere. Whatever goes wrong is written to tmp/log/schedar.log.',
	'etat_reglages' => 'Settings',
	'etat_secours' => 'Rescue door',
	'etat_secours_jusque' => 'open until: @date@',
	'etat_seul' => 'Single door',
	'etat_site' => 'Address of the site',
	'etat_statut' => 'Last role lowered from afar',
	'etat_titre' => 'State',

	// J
	'jumeaux_explication' => 'These authors of the site have the same address or login as somebody who arrived through @nom@. Nobody is linked without you: open the author’s page and choose.',
	'jumeaux_titre' => 'The same person?',

	// M
	'mon_compte' => 'My @nom@ account',

	// R
	'rattacher_bouton' => 'Link',
	'rattacher_echec' => 'Nothing was changed: one of the two authors is gone or linked already.',
	'rattacher_explication' => 'Does this author have a @nom@ account too? Choose the author that arrived at its first sign-in: the account moves to this one, whose password is erased.',
	'rattacher_fait' => 'Done: at the next sign-in this person finds this author again.',
	'rattacher_label' => 'Author who arrived through @nom@',
	'rattacher_lie' => 'This author signs in with @nom@. Identifier:',
	'rattacher_titre' => '@nom@ account',
	'recommencer' => 'Try again',
	'refus_acces' => '@nom@ does not open this site to you at the moment. The page of your account tells you why and what to do.',
	'refus_adresse' => 'This site is not at the address that @nom@ knows: it has moved, or its settings are another site’s. Its webmaster has to have it registered, then copy the new config/schedar.php.',
	'refus_copie' => 'Two sites use the same settings: the sign-in began at one and has come here, to the other. The webmaster has to ask @nom@ for a client for each site.',
	'refus_fournisseur' => '@nom@ does not answer at the moment. Try again in a few minutes; if it lasts, tell the volunteers of @nom@.',
	'refus_horloge' => 'The clock of this site’s machine or that of @nom@ is wrong; to be on the safe side you were not signed in. Tell the webmaster of this site.',
	'refus_interrompu' => 'The sign-in was broken off. Begin again whenever you like.',
	'refus_jeton' => 'The answer of @nom@ could not be verified; to be on the safe side you were not signed in. Begin again; if it happens again, tell the webmaster of this site.',
	'refus_reglages' => 'Signing in with @nom@ is not set up, or wrongly set up, on this site. Tell its webmaster: the file tmp/log/schedar.log says what to correct.',
	'refus_retour' => 'This sign-in began in another browser, or too long ago, or has been used already. Begin again.',
	'refus_role' => '@nom@ knows you, but your account has no role on this site. Ask the person who looks after this site for one.',
	'refus_supprime' => 'Your author page was removed from this site. Ask its webmaster to bring it back.',
	'reprendre_bouton' => 'Take that author over',
	'reprendre_explication' => 'An author of this site has the same address or login as you. If that was you before you came through @nom@, give its password once: you go on as that author, and the password is erased. Your rights stay those that @nom@ gives you.',
	'reprendre_faux' => 'No author of before has this login and password, or it is linked already.',
	'reprendre_login' => 'Login of the author of before',
	'reprendre_pass' => 'Its password',
	'reprendre_titre' => 'Were you an author here before?',
	'reprendre_trop' => 'Too many tries. Wait an hour, or ask a webmaster of the site.',

	// S
	'secours_ouvert' => 'The rescue door is open: a webmaster gets in with their login and the passphrase of the file config/schedar-secours.php.',
	'seule_porte' => 'On this site you sign in with your @nom@ account: a password of the site’s own is of no use here any more.',

	// T
	'titre_refus' => 'You are not signed in',

	// V
	'vers_le_site' => 'Go to the site',
];
