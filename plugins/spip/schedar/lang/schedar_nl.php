<?php
// This is a SPIP language file  --  Ceci est un fichier langue de SPIP

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

return [
	// B
	'bouton' => 'Aanmelden met @nom@',

	// C
	'configurer_titre' => 'Aanmelden met Schedar',

	// E
	'essai_adresse' => 'Het adres van deze site',
	'essai_adresse_non' => '@nom@ kent dit adres niet voor deze client: de site kreeg een ander adres, of de client hoort bij een andere site. Laat deze site met haar adres registreren en kopieer dan het nieuwe config/schedar.php.',
	'essai_bon' => 'In orde.',
	'essai_bouton' => 'De verbinding proberen',
	'essai_cles' => 'De sleutels',
	'essai_cles_non' => 'Er is geen bruikbare sleutel gepubliceerd. Verwittig de vrijwilligers van @nom@.',
	'essai_echec' => 'Er loopt iets mis: de eerste regel die dat zegt, is te verbeteren.',
	'essai_explication' => 'De knop vraagt @nom@ wat een aanmelding vraagt: of er antwoord komt, of de klokken gelijklopen, of de sleutels, de client, zijn geheim en het adres van deze site kloppen. Er verandert niets.',
	'essai_horloge' => 'De klokken',
	'essai_horloge_non' => 'De klokken van deze site en van @nom@ lopen niet gelijk. Laat de verkeerde gelijkzetten (NTP).',
	'essai_reglages' => 'De instellingen',
	'essai_reglages_non' => 'De instellingen zijn niet bruikbaar.',
	'essai_repond' => 'Het antwoord van @nom@',
	'essai_repond_non' => '@nom@ antwoordt niet op dit adres, of in naam van een ander. Kijk de firewall en de certificaten van de machine van deze site na.',
	'essai_reussi' => 'Alles is in orde: aanmelden kan.',
	'essai_secret' => 'De client en zijn geheim',
	'essai_secret_non' => '@nom@ herkent deze client of zijn geheim niet. Kopieer config/schedar.php opnieuw.',
	'essai_titre' => 'Wat de proef vond',
	'etat_a_voir' => '(na te kijken)',
	'etat_auteurs' => 'Auteurs die zich zo aanmelden',
	'etat_cles' => 'Bekende sleutels',
	'etat_client' => 'Client (client_id)',
	'etat_courriel' => 'Auteurs gekoppeld op nagekeken adres',
	'etat_duree' => 'Duur van een sessie',
	'etat_emetteur' => 'Uitgever (issuer)',
	'etat_fin' => 'Laatst ontvangen afmeldtoken',
	'etat_legende' => 'De instellingen en wat de site ontving',
	'etat_ou' => 'De instellingen staan in config/schedar.php, samen met het geheim, dat nergens wordt getoond. Wat misloopt, staat in tmp/log/schedar.log.',
	'etat_reglages' => 'Instellingen',
	'etat_secours' => 'Nooddeur',
	'etat_secours_jusque' => 'open tot: @date@',
	'etat_seul' => 'Enige deur',
	'etat_site' => 'Adres van de site',
	'etat_statut' => 'Laatste op afstand verlaagde rol',
	'etat_titre' => 'Toestand',

	// J
	'jumeaux_explication' => 'Deze auteurs van de site hebben hetzelfde adres of dezelfde gebruikersnaam als iemand die via @nom@ aankwam. Niemand wordt zonder u gekoppeld: open de pagina van de auteur en kies.',
	'jumeaux_titre' => 'Dezelfde persoon?',

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
	'refus_acces' => '@nom@ laat u op dit ogenblik niet toe op deze site. De pagina van uw account zegt waarom en wat u kunt doen.',
	'refus_adresse' => 'Deze site is niet op het adres dat @nom@ ervan kent: ze kreeg een ander adres, of de instellingen zijn die van een andere site. De webmaster moet haar laten registreren en dan het nieuwe config/schedar.php kopiëren.',
	'refus_copie' => 'Twee sites gebruiken dezelfde instellingen: het aanmelden begon op de ene en komt hier, op de andere, aan. De webmaster moet aan @nom@ een client voor elke site vragen.',
	'refus_fournisseur' => '@nom@ antwoordt op dit ogenblik niet. Probeer het over enkele minuten opnieuw; blijft het duren, verwittig dan de vrijwilligers van @nom@.',
	'refus_horloge' => 'De klok van de machine van deze site of die van @nom@ loopt niet juist; voor alle zekerheid bent u niet aangemeld. Verwittig de webmaster van deze site.',
	'refus_interrompu' => 'Het aanmelden werd onderbroken. Begin opnieuw wanneer u wilt.',
	'refus_jeton' => 'Het antwoord van @nom@ kon niet worden nagekeken; voor alle zekerheid bent u niet aangemeld. Begin opnieuw; gebeurt het nog eens, verwittig dan de webmaster van deze site.',
	'refus_reglages' => 'Aanmelden met @nom@ is op deze site niet of verkeerd ingesteld. Verwittig de webmaster: in het bestand tmp/log/schedar.log staat wat er te verbeteren valt.',
	'refus_retour' => 'Deze aanmelding begon in een andere browser, te lang geleden, of werd al gebruikt. Begin opnieuw.',
	'refus_role' => '@nom@ kent u, maar uw account heeft geen rol op deze site. Vraag er een aan wie deze site beheert.',
	'refus_supprime' => 'Uw auteursfiche is van deze site verwijderd. Vraag de webmaster om ze te herstellen.',
	'reprendre_bouton' => 'Deze auteur overnemen',
	'reprendre_explication' => 'Een auteur van deze site heeft hetzelfde adres of dezelfde gebruikersnaam als u. Was u dat voor u via @nom@ kwam, geef dan één keer het wachtwoord: u gaat verder als die auteur, en dat wachtwoord wordt gewist. Uw rechten blijven die welke @nom@ u geeft.',
	'reprendre_faux' => 'Geen eerdere auteur heeft deze gebruikersnaam en dit wachtwoord, of hij is al gekoppeld.',
	'reprendre_login' => 'Gebruikersnaam van de eerdere auteur',
	'reprendre_pass' => 'Zijn wachtwoord',
	'reprendre_titre' => 'Was u hier al auteur?',
	'reprendre_trop' => 'Te veel pogingen. Wacht een uur, of vraag het aan een webmaster van de site.',

	// S
	'secours_ouvert' => 'De nooddeur staat open: een webmaster komt binnen met de eigen gebruikersnaam en de zin uit het bestand config/schedar-secours.php.',
	'seule_porte' => 'Op deze site meldt u zich aan met uw account van @nom@: een wachtwoord van de site zelf dient hier niet meer.',

	// T
	'titre_refus' => 'U bent niet aangemeld',

	// V
	'vers_le_site' => 'Naar de site',
];
