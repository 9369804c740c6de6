# Groups the requests of a log by user, counts what each read, and drops the users again as their
# lines are made: many small objects of mixed sizes that live for different times.
use strict;
use warnings;

my (%requests, %readers, $letters);
while (my $line = <>) {
    my %request = $line =~ /"(\w+)":"?([^",}]+)/g;
    push @{$requests{$request{user}}}, \%request;
    $readers{$request{path}}{$request{user}} += $request{bytes};
}
for my $user (sort keys %requests) {
    my @largest = sort { $b->{bytes} <=> $a->{bytes} } @{delete $requests{$user}};
    $letters += length join ' ', map { "$_->{path} $_->{time}" } @largest;
}
my %count = map { $_ => scalar keys %{$readers{$_}} } keys %readers;
my ($busiest) = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
printf "%d letters; most readers: %s\n", $letters, $busiest;
