<?php
// This is a SPIP language file  --  Ceci est un fichier langue de SPIP

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

return [
	// B
	'bouton' => 'Sign in with @nom@',

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
	'refus_fournisseur' => '@nom@ does not answer at the moment. Try again in a few minutes; if it lasts, tell the volunteers of @nom@.',
	'refus_interrompu' => 'The sign-in was broken off. Begin again whenever you like.',
	'refus_jeton' => 'The answer of @nom@ could not be verified; to be on the safe side you were not signed in. Begin again; if it happens again, tell the webmaster of this site.',
	'refus_reglages' => 'Signing in with @nom@ is not set up, or wrongly set up, on this site. Tell its webmaster: the file tmp/log/schedar.log says what to correct.',
	'refus_retour' => 'This sign-in began in another browser, or too long ago, or has been used already. Begin again.',
	'refus_role' => '@nom@ knows you, but your account has no role on this site. Ask the person who looks after this site for one.',
	'refus_supprime' => 'Your author page was removed from this site. Ask its webmaster to bring it back.',

	// S
	'seule_porte' => 'On this site you sign in with your @nom@ account: a password of the site’s own is of no use here any more.',

	// T
	'titre_refus' => 'You are not signed in',

	// V
	'vers_le_site' => 'Go to the site',
];
