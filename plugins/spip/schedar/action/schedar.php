<?php
// The door out: begins a sign-in and sends the visitor to Schedar. spip.php?action=schedar&retour=ADDRESS

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar_depart');
include_spip('inc/schedar_fournisseur');

function action_schedar_dist() {
	schedar_ouvrir('schedar_partir');
}

function schedar_partir(): void {
	$reglages = schedar_reglages();
	$demande = _request('retour');
	$retour = is_string($demande) ? schedar_adresse_interne($demande) : '';
	schedar_a_la_bonne_adresse($retour);
	$adresse = schedar_decouverte()['authorization_endpoint'];
	$depart = schedar_ouvrir_depart($retour);
	schedar_rediriger($adresse . (str_contains($adresse, '?') ? '&' : '?') . http_build_query([
		'response_type' => 'code',
		'client_id' => $reglages['client'],
		'redirect_uri' => schedar_adresse_retour(),
		'scope' => $reglages['portee'],
		'state' => $depart['state'],
		'nonce' => $depart['nonce'],
		'code_challenge' => schedar_base64url(hash('sha256', $depart['verifier'], true)),
		'code_challenge_method' => 'S256',
		'ui_locales' => $GLOBALS['spip_lang'] ?? 'fr',
	], '', '&', PHP_QUERY_RFC3986));
}

/**
 * Schedar answers at the site's own address: begun under another name, the browser would not show its cookie there. It is
 * sent to that address, unless the site has moved away from it; and what is there must be this very site, not the one
 * whose settings were copied.
 */
function schedar_a_la_bonne_adresse(string $retour): void {
	$site = schedar_reglages()['site'];
	$ici = rtrim(url_de_base(), '/');
	$de = _request('de');
	if (is_string($de) && $de !== '' && !hash_equals(schedar_empreinte(), $de)) {
		throw new SchedarRefus('refus_copie', 'another installation of SPIP uses these settings: each site needs a client of its own', 503);
	}
	if ($ici === $site || _request('ici') === 'oui') {
		return;
	}
	if (rtrim($GLOBALS['meta']['adresse_site'] ?? '', '/') === $ici) {
		throw new SchedarRefus('refus_adresse', "the site is at $ici now, and known to Schedar at $site", 503);
	}
	schedar_rediriger(schedar_adresse_depart($retour) . '&ici=oui&de=' . schedar_empreinte());
}

/** Which installation this is, as far as one can tell: the machine, and where the site's settings lie on it. */
function schedar_empreinte(): string {
	$ici = gethostname() . ' ' . realpath(_DIR_ETC);

	return substr(hash_hmac('sha256', $ici, schedar_reglages()['secret']), 0, 16);
}
