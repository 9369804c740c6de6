# Work for perl; prints digests that depend on every value and on nothing else.
use strict;
use warnings;
use threads;
use threads::shared;
use Digest::SHA qw(sha256_hex);
use List::Util qw(shuffle sum reduce);
use Storable qw(freeze thaw dclone);

my $state = 42;
sub chance { $state = ($state * 1103515245 + 12345) & 0x7fffffff; return ($state >> 8) % $_[0] }

# Hashes that grow, shrink and hold strings of all lengths.
my %words;
for my $i (1 .. 150_000) {
    my $word = join '', map { chr(97 + chance(26)) } 1 .. 2 + chance(4);
    push @{ $words{$word}{places} }, $i;
    $words{$word}{text} .= $word x (1 + chance(5));
    delete $words{ (keys %words)[0] } if $i % 5000 == 0;
}
print 'words ', scalar(keys %words), ' ',
    sha256_hex(join ',', map { "$_=@{$words{$_}{places}}$words{$_}{text}" } sort keys %words), "\n";
print 'order ', sha256_hex(join ',', keys %words), "\n";

# Sorting by several keys, and a transform.
my @rows = map { { id => $_, a => chance(100), b => sprintf('%08x', chance(1 << 30)) } } 1 .. 60_000;
my @sorted = sort { $a->{a} <=> $b->{a} || $b->{b} cmp $a->{b} || $a->{id} <=> $b->{id} } @rows;
print 'sorted ', sha256_hex(join ',', map { "$_->{id}$_->{b}" } @sorted), "\n";
my @by_text = map { $_->[1] } sort { $a->[0] cmp $b->[0] } map { [ scalar reverse($_->{b}), $_ ] } @rows;
print 'transformed ', sha256_hex(join ',', map { $_->{b} } @by_text), "\n";

# Regular expressions over a long text.
my $text = '';
$text .= sprintf("%s <%s\@%s.example> paid %d.%02d on %04d-%02d-%02d\n", $_->{b}, $_->{b},
    'h' . $_->{a}, chance(1000), chance(100), 1990 + chance(30), 1 + chance(12), 1 + chance(28))
    for @rows[0 .. 29_999];
my %per_year;
$per_year{$2} += $1 while $text =~ /paid (\d+\.\d+) on (\d{4})-/g;
print 'years ', join(' ', map { sprintf '%d:%.2f', $_, $per_year{$_} } sort keys %per_year), "\n";
(my $changed = $text) =~ s/<(\w+)@(\w+)\.example>/"(" . reverse($1) . " at " . uc($2) . ")"/ge;
$changed =~ tr/0-9a-f/a-f0-9/;
print 'changed ', length($changed), ' ', sha256_hex($changed), "\n";
my $nested = '(' x 200 . 'x' . ')' x 200;
my $balanced = qr/\((?:[^()]++|(??{ our $inner }))*\)/;
our $inner = $balanced;
print 'nested ', $nested =~ /^$balanced$/ ? 'balanced' : 'not', "\n";
my @parts = split /\s*[<>@.]\s*/, $text;
print "split ", scalar(@parts), " ", sha256_hex(join '|', @parts), "\n";

# Deep copies, frozen and thawed; long strings that grow.
my $tree = {};
for my $i (1 .. 20_000) {
    my $node = $tree;
    $node = $node->{ $i >> $_ & 7 } ||= {} for reverse 0 .. 14;
    $node->{leaf} = [ $i, "leaf $i" x ($i % 7) ];
}
local $Storable::canonical = 1;
print 'tree ', sha256_hex(freeze(thaw(freeze(dclone($tree))))), "\n";
my @strings = ('') x 100;
for my $i (1 .. 100_000) {
    my $k = chance(100);
    $strings[$k] .= "$i,";
    $strings[$k] = substr $strings[$k], length($strings[$k]) / 2 if length $strings[$k] > 5000;
}
print 'strings ', sha256_hex(join ';', @strings), "\n";

# Children that work on a copy of all that and report through pipes.
my @pipes;
for my $child (1 .. 8) {
    pipe my $reader, my $writer or die;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my %copy = map { $_ => [ @{ $words{$_}{places} } ] } grep { length > 2 } keys %words;
        $copy{$_}[0] *= $child for keys %copy;
        print {$writer} sha256_hex(join ',', map { "$_@{$copy{$_}}" } sort keys %copy);
        close $writer;
        exit 0;
    }
    close $writer;
    push @pipes, [ $pid, $reader ];
}
for (@pipes) {
    my ($pid, $reader) = @$_;
    my $line = <$reader>;
    waitpid $pid, 0;
    print "child $? $line\n";
}

# Threads: each clones the whole interpreter, and they share an array.
undef %words;
undef @rows;
my @shared : shared;
my @threads = map {
    my $me = $_;
    threads->create(sub {
        my %mine;
        my $seed = $me * 7919;
        for my $i (1 .. 30_000) {
            $seed = ($seed * 69069 + 1) & 0xffffffff;
            $mine{ $seed % 4000 } .= $i;
            delete $mine{ ($seed >> 8) % 4000 } if $i % 3 == 0;
        }
        { lock @shared; push @shared, map { "$me:$_" } grep { exists $mine{$_} } 1 .. 500; }
        return sha256_hex(join ',', map { "$_=$mine{$_}" } sort keys %mine);
    });
} 1 .. 6;
print 'thread ', $_->join, "\n" for @threads;
print 'shared ', scalar(@shared), ' ', sha256_hex(join ',', sort @shared), "\n";
