<?php
// Who is signed in is what Apache says (REMOTE_USER and OIDC_CLAIM_*, from mod_auth_openidc), at each request. Nothing is
// kept here but which wiki user is whose: when the session with Schedar ends, the next page is a visitor's.
// The last line of LocalSettings.php requires it.

use MediaWiki\MediaWikiServices;
use MediaWiki\Session\CookieSessionProvider;
use MediaWiki\Session\ImmutableSessionProviderWithCookie;
use MediaWiki\Session\SessionInfo;
use MediaWiki\Session\UserInfo;

require __DIR__ . '/schedar-settings.php';

/** The person of this request. */
class SchedarPerson {
	/** The user preference that says whose a wiki user is: `sub` stays when a username changes. */
	private const SUB = 'schedar-sub';

	/** Set when the wiki has a former user of this name that is not this person's. */
	public static ?string $taken = null;
	/** The wiki user that this request was given. */
	public static ?string $current = null;

	public static function login(): string {
		return $_SERVER['REMOTE_USER'] ?? '';
	}

	public static function claim( string $name ): string {
		return $_SERVER["OIDC_CLAIM_$name"] ?? '';
	}

	/** @return string[] */
	public static function listed( string $name ): array {
		return array_filter( explode( ',', self::claim( $name ) ) );
	}

	/** The name of this person's wiki user, there or to be made; null for visitors, and where somebody else has the name. */
	public static function wikiName(): ?string {
		if ( self::login() === '' || self::claim( 'sub' ) === '' ) {
			return null;
		}
		$own = self::read( 'user_name', [ 'up_value' => self::claim( 'sub' ) ] );
		if ( $own !== null ) {
			return $own;
		}
		$name = MediaWikiServices::getInstance()->getContentLanguage()->ucfirst( strtr( self::login(), '_', ' ' ) );
		$linked = $GLOBALS['wgSchedarLinked'][self::login()] ?? null;
		if ( $linked !== null ) {
			// The link is for one person: once it was used, the name is whose it became.
			return self::read( 'up_value', [ 'user_name' => $linked ] ) === null ? $linked : null;
		}
		if ( self::isThere( $name ) ) {
			self::$taken = $name;
			return null;
		}
		return $name;
	}

	/** From the tables themselves: a user object would ask for the session that is just being made. */
	private static function read( string $field, array $where ): ?string {
		$found = self::database()->selectField( [ 'user', 'user_properties' ], $field,
			$where + [ 'up_property' => self::SUB ], __METHOD__, [],
			[ 'user_properties' => [ 'JOIN', 'up_user = user_id' ] ] );
		return $found === false ? null : (string)$found;
	}

	private static function isThere( string $name ): bool {
		return self::database()->selectField( 'user', 'user_id', [ 'user_name' => $name ], __METHOD__ ) !== false;
	}

	private static function database() {
		return MediaWikiServices::getInstance()->getDBLoadBalancer()->getConnection( DB_PRIMARY );
	}

	/** Name and address follow Schedar; a new or linked user becomes this person's. */
	public static function follow( User $user ): void {
		$options = MediaWikiServices::getInstance()->getUserOptionsManager();
		$mail = self::claim( 'email' );
		$isNew = $options->getOption( $user, self::SUB ) !== self::claim( 'sub' );
		if ( !$isNew && $user->getRealName() === self::claim( 'name' ) && $user->getEmail() === $mail ) {
			return;
		}
		$user->setRealName( self::claim( 'name' ) );
		$user->setEmail( $mail );
		if ( $mail !== '' ) {
			$user->confirmEmail();
		}
		$user->saveSettings();
		$options->setOption( $user, self::SUB, self::claim( 'sub' ) );
		$options->saveOptions( $user );
	}

	public static function is( User $user ): bool {
		return self::$current !== null && $user->getName() === self::$current;
	}
}

class SchedarSessionProvider extends ImmutableSessionProviderWithCookie {
	public function __construct( $params = [] ) {
		parent::__construct( $params + [ 'sessionCookieName' => 'schedar_session' ] );
	}

	public function provideSessionInfo( WebRequest $request ) {
		$name = SchedarPerson::wikiName();
		if ( $name === null ) {
			return null;
		}
		SchedarPerson::$current = $name;
		$id = $this->getSessionIdFromCookie( $request );
		return new SessionInfo( SessionInfo::MAX_PRIORITY, [
			'provider' => $this,
			'id' => $id,
			'userInfo' => UserInfo::newFromName( $name, true ),
			'persisted' => $id !== null,
			'forceUse' => true,
		] );
	}
}

/** Sessions of visitors: the cookies by which the wiki once remembered its own users tell nothing any more. */
class SchedarVisitors extends CookieSessionProvider {
	protected function getUserInfoFromCookies( $request ) {
		return [ null, null, null ];
	}
}

// Instead of the wiki's own sessions: with them, a person who is out at Schedar would still be in here.
$wgSessionProviders = [
	SchedarSessionProvider::class => [ 'class' => SchedarSessionProvider::class, 'args' => [ [ 'priority' => 60 ] ] ],
	SchedarVisitors::class => [ 'class' => SchedarVisitors::class, 'args' => [ [ 'priority' => 30 ] ] ],
];
// No password of the wiki's own opens anything.
$wgAuthManagerAutoConfig['primaryauth'] = [];
$wgGroupPermissions['*']['createaccount'] = false;
$wgGroupPermissions['*']['autocreateaccount'] = true;
$wgGroupPermissions['*']['edit'] = $wgSchedarVisitorsWrite ?? false;
// Names, addresses and passwords are Schedar's.
$wgHiddenPrefs = array_merge( $wgHiddenPrefs ?? [], [ 'realname' ] );
$wgGroupPermissions['user']['editmyprivateinfo'] = false;
$wgInvalidUsernameCharacters = '@:';

// At each request, so that a role or group that was taken back counts no more from the next sign-in on.
$wgHooks['UserEffectiveGroups'][] = static function ( $user, &$groups ) {
	if ( !SchedarPerson::is( $user ) ) {
		return;
	}
	foreach ( $GLOBALS['wgSchedarGroups'] ?? [] as $claimed => $given ) {
		[ $claim, $value ] = explode( ':', $claimed, 2 ) + [ 1 => '' ];
		if ( in_array( $value, SchedarPerson::listed( $claim ), true ) ) {
			$groups = array_values( array_unique( array_merge( $groups, (array)$given ) ) );
		}
	}
};
$wgHooks['LocalUserCreated'][] = static function ( $user, $auto ) {
	if ( $auto && SchedarPerson::is( $user ) ) {
		SchedarPerson::follow( $user );
	}
};
$wgHooks['BeforeInitialize'][] = static function ( $title, $unused, $output, $user ) {
	if ( SchedarPerson::is( $user ) ) {
		SchedarPerson::follow( $user );
	}
};
$wgHooks['SiteNoticeAfter'][] = static function ( &$notice, $skin ) {
	if ( SchedarPerson::$taken === null ) {
		return;
	}
	$language = substr( $skin->getLanguage()->getCode(), 0, 2 );
	$texts = [
		'fr' => 'Ce wiki a déjà un utilisateur « %s » d’avant : vous n’êtes pas connecté ici. Demandez à qui tient le wiki de relier ce nom à votre compte.',
		'nl' => 'Deze wiki heeft al een vroegere gebruiker “%s”: u bent hier niet aangemeld. Vraag de beheerder van de wiki om die naam aan uw account te koppelen.',
		'en' => 'This wiki has a former user “%s” of its own: you are not signed in here. Ask whoever runs the wiki to link that name to your account.',
		'de' => 'Dieses Wiki hat schon einen früheren Benutzer „%s“: Sie sind hier nicht angemeldet. Bitten Sie die Verwaltung des Wikis, den Namen mit Ihrem Konto zu verbinden.',
	];
	$notice .= Html::errorBox( htmlspecialchars( sprintf( $texts[$language] ?? $texts['en'], SchedarPerson::$taken ) ) );
};
$wgHooks['SkinTemplateNavigation::Universal'][] = static function ( $skin, &$links ) {
	if ( isset( $links['user-menu']['login'] ) ) {
		$links['user-menu']['login']['href'] = $GLOBALS['wgSchedarSignIn'] . rawurlencode( $skin->getTitle()->getLocalURL() );
	}
	if ( isset( $links['user-menu']['login-private'] ) ) {
		$links['user-menu']['login-private']['href'] = $GLOBALS['wgSchedarSignIn'] . rawurlencode( '/' );
	}
	if ( SchedarPerson::is( $skin->getUser() ) ) {
		// The wiki itself offers no way out of a session that it did not begin. By the usual id, its JavaScript would take over.
		$links['user-menu']['schedar-logout'] = [
			'text' => $skin->msg( 'pt-userlogout' )->text(),
			'href' => $GLOBALS['wgSchedarSignOut'],
			'icon' => 'logOut',
		];
	}
	unset( $links['user-menu']['createaccount'] );
};
// Links to these pages stand in many a page and bookmark.
$wgHooks['SpecialPageBeforeExecute'][] = static function ( $page ) {
	$ways = [
		'Userlogin' => $GLOBALS['wgSchedarSignIn'] . rawurlencode( $GLOBALS['wgScriptPath'] . '/' ),
		'Userlogout' => $GLOBALS['wgSchedarSignOut'],
	];
	if ( !isset( $ways[$page->getName()] ) ) {
		return true;
	}
	$page->getOutput()->redirect( wfExpandUrl( $ways[$page->getName()] ) );
	return false;
};
