(** Connectionist temporal classification: the automaton of the label with blanks, and the alignments. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Refseq Require Import ForwardAlgorithm.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

Section Ctc.

(** Characters; a symbol is a character, or the blank None. *)
Variable L : finType.
Implicit Types (x y : option L) (a : seq (option L)) (s : nat) (p : seq nat).

(** What an alignment spells: repeated symbols are merged, then blanks are dropped. *)
Fixpoint merge a : seq (option L) :=
  if a is x :: rest then (if ohead rest == Some x then merge rest else x :: merge rest) else [::].

Definition collapse a : seq L := pmap id (merge a).

(** The same, symbol by symbol from the first to the last: x is the symbol before. *)
Fixpoint spelled x a : seq L :=
  if a is y :: rest then
    if y is Some u then if y == x then spelled y rest else u :: spelled y rest else spelled y rest
  else [::].

Lemma collapse_cons x a : collapse (x :: a) = seq_of_opt x ++ spelled x a.
Proof.
rewrite /collapse; elim: a x => [|y rest IH] x; first by case: x.
have -> : merge (x :: y :: rest) = if y == x then merge (y :: rest) else x :: merge (y :: rest) by [].
have step : spelled x (y :: rest) = (if y == x then [::] else seq_of_opt y) ++ spelled y rest.
  by case: y {IH} => [u|] /=; case: eqP.
rewrite step; case: eqP => [<-|_]; first by rewrite IH.
by case: x {step} => [u|] /=; rewrite IH.
Qed.

Lemma collapse_spelled a : collapse a = spelled None a.
Proof. by case: a => [|[u|] a] //; rewrite collapse_cons. Qed.

Variable l : seq L.

(** The states 0 ... 2 |l|: even ones are blanks, 2 j + 1 is character j of the label. *)
Definition symbol s : option L := if odd s then nth None (map Some l) s./2 else None.

(** One may stay, go on, or jump over a blank to a character that differs from the last one. *)
Definition allowed s s1 : bool :=
  [|| s1 == s, s1 == s.+1 | [&& s1 == s.+2, symbol s1 != None & symbol s1 != symbol s]].

(** One begins before the first symbol, as after a blank, and ends in the last character or the last blank. *)
Definition accepting s : bool := ((size l).*2 <= s.+1)%N.

Definition inside s : bool := (s <= (size l).*2)%N.

(** The states through which a path has to go from s to read the alignment a. *)
Definition next s y : nat := if y == symbol s then s else if [&& odd s & y != None] then s.+2 else s.+1.

Fixpoint follow s a : seq nat := if a is y :: rest then next s y :: follow (next s y) rest else [::].

Definition accepted s p : bool := [&& path allowed s p, all inside p & accepting (last s p)].

Lemma symbol_odd j : symbol j.*2.+1 = nth None (map Some l) j.
Proof. by rewrite /symbol /= odd_double /= uphalf_double. Qed.

Lemma nth_none j : (nth None (map Some l) j == None) = (size l <= j)%N.
Proof. by elim: l j => [|u rest IH] [|j] //=; rewrite IH. Qed.

Lemma drop_nth j : drop j l = if nth None (map Some l) j is Some u then u :: drop j.+1 l else [::].
Proof. by elim: l j => [|u rest IH] [|j] //=; rewrite ?drop0. Qed.

Lemma symbol_none s : inside s -> (symbol s == None) = ~~ odd s.
Proof.
rewrite /inside /symbol; case: ifP => // odd_s.
by rewrite -[X in (X <= _)%N]odd_double_half odd_s add1n ltn_double nth_none ltnNge => /negPf.
Qed.

Lemma allowed_next s s1 : inside s1 -> allowed s s1 -> s1 = next s (symbol s1).
Proof.
move=> ok; rewrite /next => /or3P[/eqP ->|/eqP next|/and3P[/eqP -> char new]]; first by rewrite eqxx.
  have ok0 : inside s by apply: leq_trans ok; rewrite next.
  have := symbol_none ok; rewrite next /= negbK => none1; have none0 := symbol_none ok0.
  case: eqP => [same|_]; last by rewrite none1 andbN.
  by move: none1; rewrite same none0; case: (odd s).
rewrite (negPf new) char andbT; case: ifP => // even_s.
by move: char; rewrite /symbol /= negbK even_s.
Qed.

Lemma path_follow s p : all inside p -> path allowed s p -> p = follow s (map symbol p).
Proof.
elim: p s => [|s1 p IH] s //= /andP[ok all_ok] /andP[/(allowed_next ok) step /(IH _ all_ok) rest].
by rewrite -step -rest.
Qed.

Lemma follow_cons s y rest (s1 := next s y) (p := follow s1 rest) :
  accepted s (follow s (y :: rest)) && (map symbol (follow s (y :: rest)) == y :: rest)
  = [&& allowed s s1, inside s1, symbol s1 == y & accepted s1 p && (map symbol p == rest)].
Proof.
rewrite /accepted /= eqseq_cons -/s1 -/p.
by case: (allowed s s1); case: (inside s1); case: (symbol s1 == y); rewrite /= ?andbF.
Qed.

Lemma next_character s u : Some u != symbol s -> next s (Some u) = (uphalf s).*2.+1.
Proof.
move=> new; rewrite /next (negPf new) andbT uphalf_half doubleD.
by case: (odd s) (odd_double_half s) => /= {1}<-.
Qed.

Lemma follow_spelled a s : inside s ->
  accepted s (follow s a) && (map symbol (follow s a) == a) = (spelled (symbol s) a == drop (uphalf s) l).
Proof.
elim: a s => [|y rest IH] s ok.
  by rewrite /accepted /= andbT /accepting -geq_half_double eq_sym -size_eq0 size_drop subn_eq0.
rewrite follow_cons; case: (eqVneq y (symbol s)) => [->|new].
  rewrite /next eqxx /allowed eqxx ok eqxx (IH _ ok) /=.
  by case: (symbol s) => [u|] //; rewrite eqxx.
case: y new => [u|] new; last first.
  have odd_s : odd s by apply: negbFE; rewrite -symbol_none // eq_sym (negPf new).
  have ok1 : inside s.+1.
    by rewrite /inside ltn_neqAle (ok : (s <= _)%N) andbT; apply: contraTneq odd_s => ->; rewrite odd_double.
  have -> : next s None = s.+1 by rewrite /next (negPf new) andbF.
  rewrite /allowed eqxx orbT ok1 (IH _ ok1) /=.
  by rewrite /symbol /= odd_s /= uphalf_half odd_s.
rewrite next_character // symbol_odd drop_nth /= (negPf new).
case char: (nth _ _ _) => [v|]; last by rewrite /= !andbF.
rewrite eqseq_cons (inj_eq (@Some_inj _)) eq_sym; case: eqP => [same|_]; last by rewrite !andbF.
rewrite -{v}same in char *.
have ok1 : inside (uphalf s).*2.+1 by rewrite /inside ltn_double ltnNge -nth_none char.
have := IH _ ok1; rewrite symbol_odd char /= doubleK => ->.
rewrite ok1 /= andb_idl // => _; rewrite /allowed symbol_odd char new /= uphalf_half doubleD andbT.
by move: (odd_double_half s); move: (s./2).*2 => d; case: (odd s) => /= <-; rewrite ?eqxx ?orbT.
Qed.

(** The paths of CTC's automaton are the alignments that collapse to the label: what an accepted path reads collapses to
    it, and of every alignment that does there is exactly one accepted path that reads it.
    Code: model only: the automaton and the collapsing map of Graves and others 2006 (L1.20)
    Scope: every alphabet, label (empty, with repeated characters), number of frames *)
Theorem ctc_paths_are_alignments a :
  (forall p, accepted 0 p -> map symbol p = a -> collapse a = l /\ p = follow 0 a)
  /\ (collapse a = l -> accepted 0 (follow 0 a) /\ map symbol (follow 0 a) = a).
Proof.
have reads := follow_spelled a (isT : inside 0); rewrite /= drop0 -collapse_spelled in reads.
split=> [p ok read|spells]; last by move: reads; rewrite spells eqxx => /andP[-> /eqP ->].
have path_p : p = follow 0 a by case/and3P: ok => steps ok _; rewrite -read; apply: path_follow.
by split=> //; apply/eqP; rewrite -reads -path_p ok read eqxx.
Qed.

Section Probability.

Variables (R : comRingType) (y : nat -> option L -> R).

(** The states as a finite type, and the weights: the network's output at time t for the symbol of the state entered. *)
Let state := 'I_(size l).*2.+1.
Definition start (s : state) : R := (s == ord0)%:R.
Definition move t (r s : state) : R := if allowed r s then y t (symbol s) else 0.
Definition stop (s : state) : R := (accepting s)%:R.

(** The product of the outputs along an alignment. *)
Fixpoint along t a : R := if a is x :: rest then y t x * along t.+1 rest else 1.

Lemma along_is_product T t (a : T.-tuple (option L)) : along t a = \prod_(i < T) y (t + i)%N (tnth a i).
Proof.
elim: T t a => [|T IH] t a; first by rewrite big_ord0 tuple0.
rewrite big_ord_recl addn0 [a in LHS]tuple_eta /= (IH t.+1 [tuple of behead a]); congr (_ * _).
apply: eq_bigr => i _; rewrite /bump leq0n add1n addnS -addSn; congr (y _ _).
by rewrite !(tnth_nth None) /= nth_behead.
Qed.

Lemma weight_along t r (p : seq state) (q := map val p) :
  weight move stop t r p = if path allowed r q && accepting (last (val r) q) then along t (map symbol q) else 0.
Proof.
rewrite {}/q; elim: p t r => [|s p IH] t r /=; first by rewrite /stop; case: ifP.
rewrite IH /move; case: allowed; last by rewrite mul0r.
by case: ifP => //; rewrite mulr0.
Qed.

(** CTC's forward algorithm is the sum over all alignments that collapse to the label, of the product of the outputs.
    Code: model only: the forward variables of Graves and others 2006 (L1.20)
    Scope: every commutative ring, alphabet, label, outputs, number of frames T *)
Theorem ctc_is_sum_over_alignments T :
  \sum_s alpha start move T s * stop s = \sum_(a : T.-tuple (option L) | collapse a == l) \prod_(t < T) y t (tnth a t).
Proof.
under [in RHS]eq_bigr do rewrite -(along_is_product 0).
rewrite forward_is_path_sum (bigD1 ord0) //= [X in _ + X]big1 ?addr0; last first.
  by move=> s /negPf other; rewrite big1 // => p _; rewrite /start other mul0r.
pose states (p : T.-tuple state) := map val p.
pose read (p : T.-tuple state) := [tuple of map (fun s : state => symbol s) p].
have reads (p : T.-tuple state) : map symbol (states p) = read p by rewrite /states -map_comp.
transitivity (\sum_(p : T.-tuple state | accepted 0 (states p)) along 0 (read p)).
  rewrite [RHS]big_mkcond; apply: eq_bigr => p _.
  rewrite /start eqxx mul1r weight_along -reads /accepted (_ : all inside _ = true) //.
  by apply/allP => s /mapP[s' _ ->]; rewrite /inside -ltnS ltn_ord.
have spells (p : T.-tuple state) : accepted 0 (states p) -> collapse (read p) = l.
  by move=> ok; have [] := (ctc_paths_are_alignments (read p)).1 _ ok (reads p).
rewrite (partition_big read (fun a : T.-tuple (option L) => collapse a == l)) => [|p /spells ->] //.
apply: eq_bigr => a /eqP collapses; have [ok read_a] := (ctc_paths_are_alignments a).2 collapses.
have size_p : size (map (@inord (size l).*2) (follow 0 a)) == T.
  by rewrite size_map -(size_map symbol) read_a size_tuple.
pose path_a : T.-tuple state := Tuple size_p.
have states_a : states path_a = follow 0 a.
  rewrite /states /= -map_comp -[RHS]map_id; apply/eq_in_map => s inside_s /=.
  by case/and3P: ok => _ /allP/(_ _ inside_s) small _; rewrite inordK.
rewrite (big_pred1 path_a) => [|p].
  by congr along; rewrite -reads states_a.
apply/andP/eqP => [[ok_p /eqP read_p]|->].
  apply/val_inj/(inj_map val_inj); rewrite -!/(states _) states_a.
  by have [] := (ctc_paths_are_alignments a).1 _ ok_p (etrans (reads p) (congr1 val read_p)).
by rewrite states_a ok; split=> //; apply/eqP/val_inj/(etrans (esym (reads _))); rewrite states_a.
Qed.

End Probability.

End Ctc.
