#!/usr/bin/perl
# A switch of twelve ports by Q-BRIDGE-MIB, as an AgentX subagent of net-snmp's
# snmpd. A message is done as a whole or not at all: what is wrong with any of its
# variables is said in the RESERVE1 phase, before one is changed.
use strict;
use warnings;
use NetSNMP::agent (':all');
use NetSNMP::ASN (':all');

my $ports = 12;
my $octets = 2;
my $vlans = '1.3.6.1.2.1.17.7.1.4.3.1';
my $ifx = '1.3.6.1.2.1.31.1.1.1.1';
my (%objects, @order);

sub put { my ($oid, $type, $value) = @_; $objects{$oid} = [$type, $value]; }
sub key { pack('N*', split(/\./, shift)) }
sub sorted { @order = sort { key($a) cmp key($b) } keys %objects }

sub row {
	my ($vid, $members) = @_;
	put("$vlans.1.$vid", ASN_OCTET_STR, '');
	put("$vlans.$_.$vid", ASN_OCTET_STR, $members) for (2, 4);
	put("$vlans.3.$vid", ASN_OCTET_STR, "\0" x $octets);
	put("$vlans.5.$vid", ASN_INTEGER, 1);
}

for my $n (1 .. $ports) {
	put("1.3.6.1.2.1.17.1.4.1.2.$n", ASN_INTEGER, 100 + $n);
	put("$ifx." . (100 + $n), ASN_OCTET_STR, "Gi1/0/$n");
	put("1.3.6.1.2.1.17.7.1.4.5.1.1.$n", ASN_GAUGE, 1);
	put("1.3.6.1.2.1.17.7.1.4.5.1.2.$n", ASN_INTEGER, 1);
	put("1.3.6.1.2.1.17.7.1.4.5.1.3.$n", ASN_INTEGER, 2);
}
put('1.3.6.1.4.1.674.10895.5000.2.6132.1.1.1.3.1.0', ASN_INTEGER, 2); # agentSaveConfig
row(1, "\xff\xf0");
sorted();

# Net-SNMP hands out octets as it prints them: in hexadecimal unless all can be
# printed.
sub octets_of {
	my $text = shift;
	$text =~ s/^"(.*)"$/$1/s;
	return pack('H*', join('', split(' ', $text))) if $text =~ /^(?:[0-9A-F]{2} )+$/;
	return $text;
}

sub refuse {
	my ($oid, $type, $value) = @_;
	my $row = $oid =~ /^\Q$vlans\E\.(\d+)\.(\d+)$/ ? $1 : 0;
	if (!exists $objects{$oid}) {
		return SNMP_ERR_NOCREATION unless $row && $2 >= 1 && $2 <= 4094;
		return SNMP_ERR_INCONSISTENTVALUE if $row == 5 && $value != 4 && $value != 6;
		return 0;
	}
	return SNMP_ERR_WRONGTYPE if $type != $objects{$oid}[0];
	return SNMP_ERR_INCONSISTENTVALUE if $row == 5 && $value == 4;
	return SNMP_ERR_WRONGLENGTH if $row >= 2 && $row <= 4 && length(octets_of($value)) != $octets;
	return SNMP_ERR_WRONGVALUE if $oid =~ /\.17\.7\.1\.4\.5\.1\.[23]\.\d+$/ && $value !~ /^[12]$/;
	return 0;
}

sub commit {
	my ($oid, $value) = @_;
	if ($oid =~ /^\Q$vlans\E\.5\.(\d+)$/ && $value == 6) {
		delete $objects{"$vlans.$_.$1"} for (1 .. 5);
	} elsif ($oid =~ /^\Q$vlans\E\.5\.(\d+)$/) {
		row($1, "\0" x $octets) unless exists $objects{$oid};
	} else {
		row($1, "\0" x $octets) if !exists $objects{$oid} && $oid =~ /\.(\d+)$/;
		my $type = $objects{$oid}[0];
		put($oid, $type, $type == ASN_OCTET_STR ? octets_of($value) : $value);
	}
	sorted();
}

sub handle {
	my ($handler, $registration, $info, $requests) = @_;
	my $mode = $info->getMode();
	for (my $r = $requests; $r; $r = $r->next()) {
		my $oid = join('.', $r->getOID()->to_array());
		if ($mode == MODE_GET) {
			$r->setValue(@{ $objects{$oid} }) if exists $objects{$oid};
		} elsif ($mode == MODE_GETNEXT) {
			my ($next) = grep { key($_) gt key($oid) } @order;
			if (defined $next) { $r->setOID(".$next"); $r->setValue(@{ $objects{$next} }); }
		} elsif ($mode == MODE_SET_RESERVE1) {
			my $error = refuse($oid, $r->getType(), $r->getValue());
			$r->setError($info, $error) if $error;
		} elsif ($mode == MODE_SET_COMMIT) {
			commit($oid, $r->getValue());
		}
	}
}

my $agent = NetSNMP::agent->new('Name' => 'qbridge', 'AgentX' => 1);
$agent->register('bridge', '.1.3.6.1.2.1.17', \&handle) or die 'register the bridge';
$agent->register('names', ".$ifx", \&handle) or die 'register the names';
$agent->register('save', '.1.3.6.1.4.1.674', \&handle) or die 'register saving';
$SIG{TERM} = sub { exit 0 };
$| = 1;
print "serving\n";
$agent->agent_check_and_process(1) while 1;
