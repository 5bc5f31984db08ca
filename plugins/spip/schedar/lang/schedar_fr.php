<?php
// This is a SPIP language file  --  Ceci est un fichier langue de SPIP

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

return [
	// B
	'bouton' => 'Se connecter avec @nom@',

	// M
	'mon_compte' => 'Mon compte @nom@',

	// R
	'rattacher_bouton' => 'Rattacher',
	'rattacher_echec' => 'Rien n’a été changé : l’un des deux auteurs n’existe plus ou est déjà rattaché.',
	'rattacher_explication' => 'Cet auteur a-t-il aussi un compte @nom@ ? Choisissez l’auteur arrivé à sa première connexion : le compte passe à celui-ci, dont le mot de passe est effacé.',
	'rattacher_fait' => 'C’est fait : à sa prochaine connexion, cette personne retrouve cet auteur.',
	'rattacher_label' => 'Auteur arrivé par @nom@',
	'rattacher_lie' => 'Cet auteur se connecte avec @nom@. Identifiant :',
	'rattacher_titre' => 'Compte @nom@',
	'recommencer' => 'Recommencer',
	'refus_acces' => '@nom@ ne vous ouvre pas ce site en ce moment. La page de votre compte vous dit pourquoi et que faire.',
	'refus_fournisseur' => '@nom@ ne répond pas en ce moment. Réessayez dans quelques minutes ; si cela dure, prévenez les bénévoles de @nom@.',
	'refus_interrompu' => 'La connexion a été interrompue avant la fin. Recommencez quand vous voulez.',
	'refus_jeton' => 'La réponse de @nom@ n’a pas pu être vérifiée ; par prudence, vous n’avez pas été connecté. Recommencez ; si cela se répète, prévenez le webmestre de ce site.',
	'refus_reglages' => 'La connexion par @nom@ n’est pas réglée, ou mal réglée, sur ce site. Prévenez son webmestre : le fichier tmp/log/schedar.log lui dit quoi corriger.',
	'refus_retour' => 'Cette connexion a commencé dans un autre navigateur, il y a trop longtemps, ou elle a déjà servi. Recommencez.',
	'refus_role' => 'Vous êtes bien reconnu par @nom@, mais votre compte n’a pas de rôle sur ce site. Demandez-en un à la personne qui s’occupe de ce site.',
	'refus_supprime' => 'Votre fiche d’auteur a été supprimée de ce site. Demandez à son webmestre de la rétablir.',

	// S
	'seule_porte' => 'Sur ce site, on se connecte avec son compte @nom@ : un mot de passe propre au site n’y sert plus.',

	// T
	'titre_refus' => 'Vous n’êtes pas connecté',

	// V
	'vers_le_site' => 'Aller sur le site',
];
