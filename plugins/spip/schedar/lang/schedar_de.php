<?php
// This is a SPIP language file  --  Ceci est un fichier langue de SPIP

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

return [
	// B
	'bouton' => 'Mit @nom@ anmelden',

	// M
	'mon_compte' => 'Mein Konto bei @nom@',

	// R
	'rattacher_bouton' => 'Verknüpfen',
	'rattacher_echec' => 'Nichts wurde geändert: Einer der beiden Autoren besteht nicht mehr oder ist schon verknüpft.',
	'rattacher_explication' => 'Hat dieser Autor auch ein Konto bei @nom@? Wählen Sie den Autor, der bei der ersten Anmeldung angelegt wurde: Das Konto geht auf diesen hier über, dessen Passwort gelöscht wird.',
	'rattacher_fait' => 'Erledigt: Bei der nächsten Anmeldung findet diese Person diesen Autor wieder.',
	'rattacher_label' => 'Über @nom@ angelegter Autor',
	'rattacher_lie' => 'Dieser Autor meldet sich mit @nom@ an. Kennung:',
	'rattacher_titre' => 'Konto bei @nom@',
	'recommencer' => 'Erneut versuchen',
	'refus_acces' => '@nom@ öffnet Ihnen diese Website im Augenblick nicht. Die Seite Ihres Kontos sagt Ihnen, warum und was zu tun ist.',
	'refus_fournisseur' => '@nom@ antwortet im Augenblick nicht. Versuchen Sie es in einigen Minuten erneut; wenn es anhält, sagen Sie es den Ehrenamtlichen von @nom@.',
	'refus_interrompu' => 'Die Anmeldung wurde abgebrochen. Beginnen Sie von vorn, wann Sie möchten.',
	'refus_jeton' => 'Die Antwort von @nom@ konnte nicht geprüft werden; vorsichtshalber wurden Sie nicht angemeldet. Beginnen Sie von vorn; geschieht es wieder, sagen Sie es der Webmasterin oder dem Webmaster dieser Website.',
	'refus_reglages' => 'Die Anmeldung mit @nom@ ist auf dieser Website nicht oder falsch eingerichtet. Sagen Sie es der Webmasterin oder dem Webmaster: In der Datei tmp/log/schedar.log steht, was zu berichtigen ist.',
	'refus_retour' => 'Diese Anmeldung hat in einem anderen Browser begonnen, liegt zu lange zurück oder wurde schon benutzt. Beginnen Sie von vorn.',
	'refus_role' => '@nom@ kennt Sie, aber Ihr Konto hat auf dieser Website keine Rolle. Bitten Sie die Person darum, die diese Website betreut.',
	'refus_supprime' => 'Ihr Autorenprofil wurde von dieser Website entfernt. Bitten Sie die Webmasterin oder den Webmaster, es wiederherzustellen.',

	// S
	'seule_porte' => 'Auf dieser Website melden Sie sich mit Ihrem Konto bei @nom@ an: Ein eigenes Passwort der Website gilt hier nicht mehr.',

	// T
	'titre_refus' => 'Sie sind nicht angemeldet',

	// V
	'vers_le_site' => 'Zur Website',
];
