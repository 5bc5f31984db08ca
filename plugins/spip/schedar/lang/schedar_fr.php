<?php
// This is a SPIP language file  --  Ceci est un fichier langue de SPIP

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

return [
	// B
	'bouton' => 'Se connecter avec @nom@',

	// C
	'configurer_titre' => 'Connexion par Schedar',

	// E
	'essai_adresse' => 'L’adresse de ce site',
	'essai_adresse_non' => '@nom@ ne connaît pas cette adresse pour ce client : le site a changé d’adresse, ou le client est celui d’un autre site. Faites enregistrer ce site à son adresse, puis copiez le nouveau config/schedar.php.',
	'essai_bon' => 'En ordre.',
	'essai_bouton' => 'Essayer la connexion',
	'essai_cles' => 'Ses clés',
	'essai_cles_non' => 'Aucune clé utilisable n’est publiée. Prévenez les bénévoles de @nom@.',
	'essai_echec' => 'Quelque chose ne va pas : la première ligne qui le dit est celle à corriger.',
	'essai_explication' => 'Le bouton demande à @nom@ ce qu’une connexion demande : s’il répond, si les horloges s’accordent, si les clés, le client, son secret et l’adresse de ce site sont les bons. Rien n’est changé.',
	'essai_horloge' => 'Les horloges',
	'essai_horloge_non' => 'Les horloges de ce site et de @nom@ ne s’accordent pas. Faites régler celle qui se trompe (NTP).',
	'essai_reglages' => 'Les réglages',
	'essai_reglages_non' => 'Les réglages ne peuvent pas servir.',
	'essai_repond' => 'La réponse de @nom@',
	'essai_repond_non' => '@nom@ ne répond pas à cette adresse, ou répond au nom d’un autre. Vérifiez le pare-feu et les certificats de la machine de ce site.',
	'essai_reussi' => 'Tout est en ordre : on peut se connecter.',
	'essai_secret' => 'Le client et son secret',
	'essai_secret_non' => '@nom@ ne reconnaît pas ce client ou son secret. Copiez à nouveau config/schedar.php.',
	'essai_titre' => 'Ce que l’essai a trouvé',
	'etat_a_voir' => '(à voir)',
	'etat_auteurs' => 'Auteurs qui se connectent ainsi',
	'etat_cles' => 'Clés connues',
	'etat_client' => 'Client (client_id)',
	'etat_courriel' => 'Auteurs rattachés par adresse vérifiée',
	'etat_duree' => 'Durée d’une session',
	'etat_emetteur' => 'Émetteur (issuer)',
	'etat_fin' => 'Dernier jeton de déconnexion reçu',
	'etat_legende' => 'Les réglages et ce que le site a reçu',
	'etat_ou' => 'Les réglages sont dans config/schedar.php, avec le secret, qui n’est montré nulle part. Ce qui ne va pas s’écrit dans tmp/log/schedar.log.',
	'etat_reglages' => 'Réglages',
	'etat_secours' => 'Porte de secours',
	'etat_secours_jusque' => 'ouverte jusqu’à : @date@',
	'etat_seul' => 'Porte unique',
	'etat_site' => 'Adresse du site',
	'etat_statut' => 'Dernier rôle abaissé à distance',
	'etat_titre' => 'État',

	// J
	'jumeaux_explication' => 'Ces auteurs du site ont la même adresse ou le même identifiant qu’une personne arrivée par @nom@. Personne n’est rattaché sans vous : ouvrez la page de l’auteur et choisissez.',
	'jumeaux_titre' => 'La même personne ?',

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
	'refus_adresse' => 'Ce site n’est pas à l’adresse que @nom@ lui connaît : il a changé d’adresse, ou ses réglages sont ceux d’un autre site. Son webmestre doit le faire enregistrer, puis copier le nouveau config/schedar.php.',
	'refus_copie' => 'Deux sites utilisent le même réglage : la connexion a commencé sur l’un et arrive ici, sur l’autre. Le webmestre doit demander à @nom@ un client pour chaque site.',
	'refus_fournisseur' => '@nom@ ne répond pas en ce moment. Réessayez dans quelques minutes ; si cela dure, prévenez les bénévoles de @nom@.',
	'refus_horloge' => 'L’horloge de la machine de ce site ou celle de @nom@ n’est pas à l’heure ; par prudence, vous n’avez pas été connecté. Prévenez le webmestre de ce site.',
	'refus_interrompu' => 'La connexion a été interrompue avant la fin. Recommencez quand vous voulez.',
	'refus_jeton' => 'La réponse de @nom@ n’a pas pu être vérifiée ; par prudence, vous n’avez pas été connecté. Recommencez ; si cela se répète, prévenez le webmestre de ce site.',
	'refus_reglages' => 'La connexion par @nom@ n’est pas réglée, ou mal réglée, sur ce site. Prévenez son webmestre : le fichier tmp/log/schedar.log lui dit quoi corriger.',
	'refus_retour' => 'Cette connexion a commencé dans un autre navigateur, il y a trop longtemps, ou elle a déjà servi. Recommencez.',
	'refus_role' => 'Vous êtes bien reconnu par @nom@, mais votre compte n’a pas de rôle sur ce site. Demandez-en un à la personne qui s’occupe de ce site.',
	'refus_supprime' => 'Votre fiche d’auteur a été supprimée de ce site. Demandez à son webmestre de la rétablir.',
	'reprendre_bouton' => 'Reprendre cet auteur',
	'reprendre_explication' => 'Un auteur de ce site a la même adresse ou le même identifiant que vous. Si c’était vous avant de venir par @nom@, donnez une fois son mot de passe : vous continuez comme cet auteur, et ce mot de passe est effacé. Vos droits restent ceux que @nom@ vous donne.',
	'reprendre_faux' => 'Aucun auteur d’avant n’a cet identifiant et ce mot de passe, ou il est déjà rattaché.',
	'reprendre_login' => 'Identifiant de l’auteur d’avant',
	'reprendre_pass' => 'Son mot de passe',
	'reprendre_titre' => 'Vous étiez déjà auteur ici ?',
	'reprendre_trop' => 'Trop d’essais. Attendez une heure, ou demandez à un webmestre du site.',

	// S
	'secours_ouvert' => 'La porte de secours est ouverte : un webmestre entre avec son identifiant et la phrase du fichier config/schedar-secours.php.',
	'seule_porte' => 'Sur ce site, on se connecte avec son compte @nom@ : un mot de passe propre au site n’y sert plus.',

	// T
	'titre_refus' => 'Vous n’êtes pas connecté',

	// V
	'vers_le_site' => 'Aller sur le site',
];
