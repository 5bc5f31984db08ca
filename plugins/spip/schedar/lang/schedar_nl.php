<?php
// This is a SPIP language file  --  Ceci est un fichier langue de SPIP

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

return [
	// B
	'bouton' => 'Aanmelden met @nom@',

	// M
	'mon_compte' => 'Mijn account bij @nom@',

	// R
	'rattacher_bouton' => 'Koppelen',
	'rattacher_echec' => 'Er is niets veranderd: een van beide auteurs bestaat niet meer of is al gekoppeld.',
	'rattacher_explication' => 'Heeft deze auteur ook een account bij @nom@? Kies de auteur die bij de eerste aanmelding is aangemaakt: de account gaat over naar deze auteur, wiens wachtwoord wordt gewist.',
	'rattacher_fait' => 'Klaar: bij de volgende aanmelding vindt deze persoon deze auteur terug.',
	'rattacher_label' => 'Auteur aangekomen via @nom@',
	'rattacher_lie' => 'Deze auteur meldt zich aan met @nom@. Kenmerk:',
	'rattacher_titre' => 'Account @nom@',
	'recommencer' => 'Opnieuw proberen',
	'refus_acces' => '@nom@ laat je op dit ogenblik niet toe op deze site. De pagina van je account zegt waarom en wat je kunt doen.',
	'refus_fournisseur' => '@nom@ antwoordt op dit ogenblik niet. Probeer het over enkele minuten opnieuw; blijft het duren, verwittig dan de vrijwilligers van @nom@.',
	'refus_interrompu' => 'Het aanmelden werd onderbroken. Begin opnieuw wanneer je wilt.',
	'refus_jeton' => 'Het antwoord van @nom@ kon niet worden nagekeken; voor alle zekerheid ben je niet aangemeld. Begin opnieuw; gebeurt het nog eens, verwittig dan de webmaster van deze site.',
	'refus_reglages' => 'Aanmelden met @nom@ is op deze site niet of verkeerd ingesteld. Verwittig de webmaster: in het bestand tmp/log/schedar.log staat wat er te verbeteren valt.',
	'refus_retour' => 'Deze aanmelding begon in een andere browser, te lang geleden, of werd al gebruikt. Begin opnieuw.',
	'refus_role' => '@nom@ kent je, maar je account heeft geen rol op deze site. Vraag er een aan wie deze site beheert.',
	'refus_supprime' => 'Je auteursfiche is van deze site verwijderd. Vraag de webmaster om ze te herstellen.',

	// S
	'seule_porte' => 'Op deze site meld je je aan met je account van @nom@: een wachtwoord van de site zelf dient hier niet meer.',

	// T
	'titre_refus' => 'Je bent niet aangemeld',

	// V
	'vers_le_site' => 'Naar de site',
];
