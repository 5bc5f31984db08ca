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
	// Schedar answers at the site's own address: begun under another name, the browser would not show its cookie there.
	if (rtrim(url_de_base(), '/') !== $reglages['site'] && _request('ici') !== 'oui') {
		schedar_rediriger(schedar_adresse_depart($retour) . '&ici=oui');
	}
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
