<?php
// This is a SPIP language file  --  Ceci est un fichier langue de SPIP

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

return [
	// B
	'bouton' => 'Mit @nom@ anmelden',

	// C
	'configurer_titre' => 'Anmeldung mit Schedar',

	// E
	'essai_adresse' => 'Die Adresse dieser Website',
	'essai_adresse_non' => '@nom@ kennt diese Adresse für diesen Client nicht: Die Website ist umgezogen, oder der Client gehört zu einer anderen. Lassen Sie diese Website mit ihrer Adresse eintragen und kopieren Sie dann die neue config/schedar.php.',
	'essai_bon' => 'In Ordnung.',
	'essai_bouton' => 'Verbindung prüfen',
	'essai_cles' => 'Die Schlüssel',
	'essai_cles_non' => 'Es ist kein brauchbarer Schlüssel veröffentlicht. Sagen Sie es den Ehrenamtlichen von @nom@.',
	'essai_echec' => 'Etwas stimmt nicht: Die erste Zeile, die das sagt, ist zu berichtigen.',
	'essai_explication' => 'Die Schaltfläche fragt @nom@, was eine Anmeldung fragt: ob eine Antwort kommt, ob die Uhren übereinstimmen, ob Schlüssel, Client, Geheimnis und die Adresse dieser Website stimmen. Nichts wird geändert.',
	'essai_horloge' => 'Die Uhren',
	'essai_horloge_non' => 'Die Uhren dieser Website und von @nom@ stimmen nicht überein. Lassen Sie die falsche stellen (NTP).',
	'essai_reglages' => 'Die Einstellungen',
	'essai_reglages_non' => 'Die Einstellungen sind nicht brauchbar.',
	'essai_repond' => 'Die Antwort von @nom@',
	'essai_repond_non' => '@nom@ antwortet unter dieser Adresse nicht, oder im Namen eines anderen. Prüfen Sie Firewall und Zertifikate der Maschine dieser Website.',
	'essai_reussi' => 'Alles ist in Ordnung: Anmelden ist möglich.',
	'essai_secret' => 'Der Client und sein Geheimnis',
	'essai_secret_non' => '@nom@ erkennt diesen Client oder sein Geheimnis nicht. Kopieren Sie config/schedar.php noch einmal.',
	'essai_titre' => 'Was die Prüfung ergab',
	'etat_a_voir' => '(zu prüfen)',
	'etat_auteurs' => 'Autoren, die sich so anmelden',
	'etat_cles' => 'Bekannte Schlüssel',
	'etat_client' => 'Client (client_id)',
	'etat_courriel' => 'Autoren über geprüfte Adresse verknüpft',
	'etat_duree' => 'Dauer einer Sitzung',
	'etat_emetteur' => 'Aussteller (issuer)',
	'etat_fin' => 'Letztes empfangenes Abmelde-Token',
	'etat_legende' => 'Die Einstellungen und was die Website erhalten hat',
	'etat_ou' => 'Die Einstellungen stehen in config/schedar.php, mit dem Geheimnis, das nirgends gezeigt wird. Was schiefgeht, steht in tmp/log/schedar.log.',
	'etat_reglages' => 'Einstellungen',
	'etat_secours' => 'Nottür',
	'etat_secours_jusque' => 'offen bis: @date@',
	'etat_seul' => 'Einzige Tür',
	'etat_site' => 'Adresse der Website',
	'etat_statut' => 'Letzte aus der Ferne herabgesetzte Rolle',
	'etat_titre' => 'Zustand',

	// J
	'jumeaux_explication' => 'Diese Autoren der Website haben dieselbe Adresse oder denselben Login wie jemand, der über @nom@ kam. Niemand wird ohne Sie verknüpft: Öffnen Sie die Seite des Autors und wählen Sie.',
	'jumeaux_titre' => 'Dieselbe Person?',

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
	'refus_adresse' => 'Diese Website ist nicht unter der Adresse, die @nom@ kennt: Sie ist umgezogen, oder ihre Einstellungen sind die einer anderen. Die Webmasterin oder der Webmaster muss sie eintragen lassen und dann die neue config/schedar.php kopieren.',
	'refus_copie' => 'Zwei Websites benutzen dieselben Einstellungen: Die Anmeldung begann bei der einen und ist hier, bei der anderen, angekommen. Die Webmasterin oder der Webmaster muss @nom@ um einen Client für jede Website bitten.',
	'refus_fournisseur' => '@nom@ antwortet im Augenblick nicht. Versuchen Sie es in einigen Minuten erneut; wenn es anhält, sagen Sie es den Ehrenamtlichen von @nom@.',
	'refus_horloge' => 'Die Uhr der Maschine dieser Website oder die von @nom@ geht falsch; vorsichtshalber wurden Sie nicht angemeldet. Sagen Sie es der Webmasterin oder dem Webmaster dieser Website.',
	'refus_interrompu' => 'Die Anmeldung wurde abgebrochen. Beginnen Sie von vorn, wann Sie möchten.',
	'refus_jeton' => 'Die Antwort von @nom@ konnte nicht geprüft werden; vorsichtshalber wurden Sie nicht angemeldet. Beginnen Sie von vorn; geschieht es wieder, sagen Sie es der Webmasterin oder dem Webmaster dieser Website.',
	'refus_reglages' => 'Die Anmeldung mit @nom@ ist auf dieser Website nicht oder falsch eingerichtet. Sagen Sie es der Webmasterin oder dem Webmaster: In der Datei tmp/log/schedar.log steht, was zu berichtigen ist.',
	'refus_retour' => 'Diese Anmeldung hat in einem anderen Browser begonnen, liegt zu lange zurück oder wurde schon benutzt. Beginnen Sie von vorn.',
	'refus_role' => '@nom@ kennt Sie, aber Ihr Konto hat auf dieser Website keine Rolle. Bitten Sie die Person darum, die diese Website betreut.',
	'refus_supprime' => 'Ihr Autorenprofil wurde von dieser Website entfernt. Bitten Sie die Webmasterin oder den Webmaster, es wiederherzustellen.',
	'reprendre_bouton' => 'Diesen Autor übernehmen',
	'reprendre_explication' => 'Ein Autor dieser Website hat dieselbe Adresse oder denselben Login wie Sie. Waren Sie das, bevor Sie über @nom@ kamen, geben Sie einmal sein Passwort ein: Sie machen als dieser Autor weiter, und das Passwort wird gelöscht. Ihre Rechte bleiben die, die @nom@ Ihnen gibt.',
	'reprendre_faux' => 'Kein früherer Autor hat diesen Login und dieses Passwort, oder er ist schon verknüpft.',
	'reprendre_login' => 'Login des früheren Autors',
	'reprendre_pass' => 'Sein Passwort',
	'reprendre_titre' => 'Waren Sie hier schon Autor?',
	'reprendre_trop' => 'Zu viele Versuche. Warten Sie eine Stunde, oder fragen Sie eine Webmasterin oder einen Webmaster der Website.',

	// S
	'secours_ouvert' => 'Die Nottür ist offen: Eine Webmasterin oder ein Webmaster kommt mit dem eigenen Login und der Passphrase der Datei config/schedar-secours.php hinein.',
	'seule_porte' => 'Auf dieser Website melden Sie sich mit Ihrem Konto bei @nom@ an: Ein eigenes Passwort der Website gilt hier nicht mehr.',

	// T
	'titre_refus' => 'Sie sind nicht angemeldet',

	// V
	'vers_le_site' => 'Zur Website',
];
