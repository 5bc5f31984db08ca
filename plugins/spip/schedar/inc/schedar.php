<?php
// What every door of the plugin shares: its settings, its one way of refusing, its page, its addresses.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

/** A refusal: the visitor reads the text `cle` of lang/schedar_xx.php, the log the English detail (never a secret). */
final class SchedarRefus extends RuntimeException {
	public string $cle;
	public int $statut;

	public function __construct(string $cle, string $detail, int $statut = 403) {
		parent::__construct($detail);
		$this->cle = $cle;
		$this->statut = $statut;
	}
}

/**
 * The settings of config/schedar.php, checked.
 *
 * @return array{emetteur: string, client: string, secret: string, site: string, nom: string, portee: string, rattacher: bool, duree: int}
 * @throws SchedarRefus
 */
function schedar_reglages(): array {
	static $reglages = null;
	if ($reglages === null) {
		$lire = fn(string $nom, $defaut) => defined($nom) ? constant($nom) : $defaut;
		$lus = [
			'emetteur' => (string) $lire('_SCHEDAR_EMETTEUR', ''),
			'client' => (string) $lire('_SCHEDAR_CLIENT', ''),
			'secret' => (string) $lire('_SCHEDAR_SECRET', ''),
			'site' => rtrim((string) $lire('_SCHEDAR_SITE', ''), '/'),
			'nom' => (string) $lire('_SCHEDAR_NOM', 'Schedar'),
			'portee' => (string) $lire('_SCHEDAR_PORTEE', 'openid profile email roles'),
			'rattacher' => (bool) $lire('_SCHEDAR_RATTACHER', false),
			'duree' => (int) $lire('_SCHEDAR_DUREE', 86400),
		];
		foreach (['emetteur', 'client', 'secret', 'site'] as $nom) {
			if ($lus[$nom] === '') {
				throw new SchedarRefus('refus_reglages', "config/schedar.php is missing, unreadable or without a value for: $nom", 503);
			}
		}
		if (!schedar_adresse_permise($lus['emetteur']) || !schedar_adresse_permise($lus['site'])) {
			throw new SchedarRefus('refus_reglages', 'the addresses in config/schedar.php must begin with https://', 503);
		}
		$reglages = $lus;
	}

	return $reglages;
}

/** The association's name as people read it, whether or not the settings can be used. */
function schedar_nom_affiche(): string {
	return defined('_SCHEDAR_NOM') ? (string) _SCHEDAR_NOM : 'Schedar';
}

/** True for https://, and for http:// on the machine itself: code and secret cross no network in the clear. */
function schedar_adresse_permise(string $adresse): bool {
	if (!preg_match('#^(https?)://([^/?\#\s@\\\\]+)[^\s\\\\]*$#', $adresse, $parties)) {
		return false;
	}

	return $parties[1] === 'https' || preg_match('#^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$#', $parties[2]) === 1;
}

/** A few letters that tell this site's cookies from those of its neighbours under the same host name. */
function schedar_marque_du_site(): string {
	return substr(hash('sha256', rtrim((string) _SCHEDAR_SITE, '/')), 0, 8);
}

/** The redirect URI, as registered: from the settings, never from the request's Host. */
function schedar_adresse_retour(): string {
	return schedar_reglages()['site'] . '/spip.php?action=schedar_retour';
}

/** The address at which a sign-in begins; `$retour` is where the visitor wants to be afterwards. */
function schedar_adresse_depart(string $retour = ''): string {
	return schedar_reglages()['site'] . '/spip.php?action=schedar' . ($retour === '' ? '' : '&retour=' . rawurlencode($retour));
}

/**
 * An address of this site, made absolute; an empty string for any other.
 *
 * What browsers read differently from PHP is refused before anything is compared: a backslash counts as a slash, tabs
 * and line ends are dropped (WHATWG URL §4.4), //host is another host.
 */
function schedar_adresse_interne(string $adresse): string {
	$site = schedar_reglages()['site'];
	if ($adresse === '' || strlen($adresse) > 600 || preg_match('/[\x00-\x20\x7f\\\\<>"]/', $adresse)) {
		return '';
	}
	$adresse = preg_replace_callback('/[\x80-\xff]/', fn($octet) => rawurlencode($octet[0]), $adresse);
	if (preg_match('#^[a-z][a-z0-9+.-]*:#i', $adresse)) {
		$absolue = $adresse;
	} elseif (str_starts_with($adresse, '//')) {
		return '';
	} elseif ($adresse[0] === '/') {
		preg_match('#^https?://[^/]+#', $site, $origine);
		$absolue = $origine[0] . $adresse;
	} else {
		$absolue = $site . '/' . preg_replace('#^(\./)+#', '', $adresse);
	}
	$chemin = preg_split('/[?#]/', $absolue)[0];
	if (preg_match('#/(\.|%2e){2}(/|$)#i', $chemin)) {
		return '';
	}

	return $absolue === $site || (str_starts_with($absolue, $site) && in_array($absolue[strlen($site)], ['/', '?', '#'], true)) ? $absolue : '';
}

/** Sends the browser on and ends the hit; nothing of it is kept or told to the next site. */
function schedar_rediriger(string $adresse): void {
	http_response_code(302);
	header('Location: ' . $adresse);
	header('Cache-Control: no-store');
	header('Referrer-Policy: no-referrer');
	exit;
}

/** Runs a door; a refusal becomes a page that says what to do. */
function schedar_ouvrir(callable $porte): void {
	try {
		$porte();
	} catch (SchedarRefus $refus) {
		schedar_page_refus($refus);
	}
	exit;
}

function schedar_page_refus(SchedarRefus $refus): void {
	schedar_journal($refus->getMessage());
	include_spip('inc/lang');
	include_spip('inc/filtres');
	utiliser_langue_visiteur('fr,nl,en,de');
	try {
		$reglages = schedar_reglages();
	} catch (SchedarRefus $manque) {
		$reglages = null;
	}
	$nom = ['nom' => spip_htmlspecialchars($reglages['nom'] ?? 'Schedar')];
	$lien = fn(string $adresse, string $texte) => '<a class="btn" href="' . attribut_html($adresse) . '">' . $texte . '</a> ';
	$corps = '<p>' . _T('schedar:' . $refus->cle, $nom) . '</p><p class="boutons">';
	if ($reglages && $refus->cle === 'refus_acces') {
		$corps .= $lien($reglages['emetteur'], _T('schedar:mon_compte', $nom));
	}
	if ($reglages) {
		$corps .= $lien(schedar_adresse_depart(), _T('schedar:recommencer'));
	}
	$corps .= $lien($reglages ? $reglages['site'] . '/' : url_de_base(), _T('schedar:vers_le_site')) . '</p>';
	$titre = _T('schedar:titre_refus');
	$page = new \Spip\Afficher\Minipage\Page();
	$html = $page->page($corps, [
		'titre' => $titre,
		'page_title' => $titre,
		'status' => $refus->statut,
		'lang' => $GLOBALS['spip_lang'],
		'footer' => '',
		'all_inline' => true,
	]);
	// After page(), which sends SPIP's own, weaker, Cache-Control.
	header('Cache-Control: no-store');
	header('Referrer-Policy: no-referrer');
	echo $html;
}

/** One line of tmp/log/schedar.log; what came from outside is cut and stripped of control characters. */
function schedar_journal(string $ligne): void {
	spip_log(substr(preg_replace('/[\x00-\x1f\x7f]+/', ' ', $ligne), 0, 400), 'schedar.' . _LOG_INFO_IMPORTANTE);
}

/** A folder of the plugin's own in tmp/, which SPIP closes to the web. */
function schedar_dossier(string $sous = ''): string {
	include_spip('inc/flock');
	$dossier = sous_repertoire(_DIR_TMP, 'schedar');

	return $sous === '' ? $dossier : sous_repertoire($dossier, $sous);
}

/** Compares in constant time; anything that is not a string is different. */
function schedar_egal(string $attendu, $recu): bool {
	return is_string($recu) && hash_equals($attendu, $recu);
}

function schedar_base64url(string $octets): string {
	return rtrim(strtr(base64_encode($octets), '+/', '-_'), '=');
}

/** The bytes of a base64url text (RFC 7515 §2: no padding, no other letter), or null. */
function schedar_de_base64url($texte): ?string {
	if (!is_string($texte) || !preg_match('/^[A-Za-z0-9_-]+$/D', $texte)) {
		return null;
	}
	$octets = base64_decode(strtr($texte, '-_', '+/'), true);

	return $octets === false ? null : $octets;
}

/** Milliseconds since 1970: two things of one second must be told apart. */
function schedar_instant(): int {
	return (int) floor(microtime(true) * 1000);
}
