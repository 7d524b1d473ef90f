# Counts with the module named on the command line, Redis or Redis::Fast.
use strict;
use warnings;
use Time::HiRes qw(sleep);

my $class = $ARGV[0];
eval "require $class" or die $@;
$| = 1;
print "version ", $class->VERSION, "\n";

my %tls = $ENV{CA} ? (ssl => 1, sentinels_ssl => 1) : ();
my $redis;
while (1) {
	my $n = eval {
		$redis ||= $class->new(
			sentinels => [split / /, $ENV{SENTINELS}], service => $ENV{MASTER},
			($ENV{PASSWORD} ? (password => $ENV{PASSWORD}) : ()),
			($ENV{SENTINEL_PASSWORD} ? (sentinels_password => $ENV{SENTINEL_PASSWORD}) : ()),
			cnx_timeout => 1, read_timeout => 1, write_timeout => 1,
			sentinels_cnx_timeout => 1, sentinels_read_timeout => 1, sentinels_write_timeout => 1,
			%tls,
		);
		$redis->incr($ENV{KEY});
	};
	if (defined $n) {
		print "ok $n\n";
	} else {
		# Without the option reconnect a connection that broke stays so, and one that
		# leads to a replica is kept anyway.
		undef $redis;
		my $error = $@;
		$error =~ s/\n/ /g;
		print "error $error\n";
	}
	sleep $ENV{EVERY};
}
